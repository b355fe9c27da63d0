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
    items: queue.Queue[object] = queue.Queue(maxsize=depth)
    left = threading.Event()

    def put(item: object) -> bool:
        while not left.is_set():
            try:
                items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    failure: list[BaseException] = []

    def work() -> None:
        iterator = source()
        try:
            for item in iterator:
                if not put(item):
                    break
        except BaseException as error:
            failure.append(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            put(_END)

    thread = threading.Thread(target=work, name="avfusion-ahead", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not _END:
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]
    finally:
        left.set()
        thread.join()


class Behind(Generic[Item]):
    """Hands items to `take` on a thread of its own, at most `depth` of them waiting.

    An exception in `take` is raised by the next `put` or by `finish`, and nothing more is taken after it. Leave the
    `with` block by an exception and the items that still wait are dropped.
    """

    def __init__(self, take: Callable[[Item], None], *, depth: int) -> None:
        self._take = take
        self._items: queue.Queue[object] = queue.Queue(maxsize=depth)
        self._failure: BaseException | None = None
        self._dropped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="avfusion-behind", daemon=True)

    def _work(self) -> None:
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
        self._items.put(_END)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Behind[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._dropped.set()
        if self._thread.is_alive():
            self._items.put(_END)
            self._thread.join()
