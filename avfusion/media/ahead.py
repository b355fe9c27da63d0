"""Work on another thread with a short queue between: `ahead` of a consumer, `Behind` a producer. Errors cross over."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

_END = object()


def ahead(source: Callable[[], Iterator[Item]], *, depth: int) -> Iterator[Item]:
    """Yields what `source()` yields, computed up to `depth` items ahead on a thread of its own.

    `source` is started on that thread and closed there, also when the consumer leaves early. An exception in it is
    raised here, at the place in the sequence where it happened.
    """
    items: queue.SimpleQueue[object] = queue.SimpleQueue()
    room = threading.Semaphore(depth)
    left = threading.Event()
    failure: list[BaseException] = []

    def work() -> None:
        try:
            _hand_over(source(), items, room, left)
        except BaseException as error:
            failure.append(error)
        finally:
            items.put(_END)

    thread = threading.Thread(target=work, name="avfusion-ahead", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not _END:
            room.release()
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]
    finally:
        left.set()
        room.release()  # wakes a producer that waits for room, so that it sees that nobody listens any more
        thread.join()


def _hand_over(
    iterator: Iterator[Item], items: queue.SimpleQueue[object], room: threading.Semaphore, left: threading.Event
) -> None:
    try:
        for item in iterator:
            room.acquire()
            if left.is_set():
                return
            items.put(item)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def in_reverse(run: Callable[[int, int], Iterator[Item]], start: int, stop: int, *, size: int) -> Iterator[Item]:
    """What `run(start, stop)` yields, last item first, computed forwards in runs of `size` items held in memory."""
    for end in range(stop, start, -size):
        items = list(run(max(start, end - size), end))
        while items:
            yield items.pop()


class Behind(Generic[Item]):
    """Hands items to `take` on a thread of its own, at most `depth` of them waiting.

    An exception in `take` is raised by the next `put`, by `finish` or at the end of the `with` block, and nothing more
    is taken after it. Leave the block by an exception and the items that still wait are dropped.
    """

    def __init__(self, take: Callable[[Item], None], *, depth: int) -> None:
        self._take = take
        self._items: queue.Queue[object] = queue.Queue(maxsize=depth)
        self._failure: BaseException | None = None
        self._dropped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="avfusion-behind", daemon=True)

    def _work(self) -> None:
        # Goes on taking from the queue after a failure: a producer that waits for room there must not wait forever.
        while (item := self._items.get()) is not _END:
            if self._failure is None and not self._dropped.is_set():
                try:
                    self._take(item)  # type: ignore[arg-type]
                except BaseException as error:
                    self._failure = error

    def put(self, item: Item) -> None:
        if self._failure is not None:
            raise self._failure
        self._items.put(item)

    def finish(self) -> None:
        """Waits until everything was taken."""
        if self._thread.is_alive():
            self._items.put(_END)
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Behind[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
            return
        self._dropped.set()
        if self._thread.is_alive():
            self._items.put(_END)
            self._thread.join()
