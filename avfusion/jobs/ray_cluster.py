"""A Ray cluster: one that is there, or one on this machine for as long as it is needed."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from avfusion.errors import EngineNotReady, UsageError
from avfusion.media.container import said

_ADDRESS = re.compile(r"(ray://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(?P<port>[0-9]{1,5})")
_ANSWERS_WITHIN_S = 10.0
_STARTS = 3

_SETTINGS = b"\x04"
_FRAME_HEAD_BYTES = 9
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS + b"\0\0\0\0\0"

# Nothing is reported to anybody; a job that asks for no card sees what its node has.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True)
class Cluster:
    """A connection. scratch: where its nodes may put files, known only for a cluster on this machine."""

    ray: ModuleType
    scratch: Path | None

    def resources(self) -> Mapping[str, float]:
        """What all its nodes have together, such as CPU and GPU."""
        found: Mapping[str, float] = self.ray.cluster_resources()
        return found


@contextlib.contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """The cluster at `address`, or with None one on this machine with room for `workers`, ended with the block.

    Raises `UsageError` for what is no address, `EngineNotReady` where Ray is not installed or nobody answers.
    """
    if address is not None:
        _check_address(address)
    if importlib.util.find_spec("ray") is None:
        raise EngineNotReady("--on ray needs the package ray. Install it: pip install 'avfusion[jobs]'.")
    if address is not None:
        _check_somebody_is_there(address)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(_QUIET if address else {**_QUIET, **_own_key()}))
        import ray

        scratch = None
        if address is None:
            # The names of Ray's sockets are long, and the system takes 107 bytes: so not below AVFUSION_HOME.
            scratch = Path(tempfile.mkdtemp(prefix="avf-"))
            stack.callback(shutil.rmtree, scratch, ignore_errors=True)
            stack.callback(_end_processes_of, scratch)
        # Ray prints what happens to nodes among our results.
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        stack.callback(ray.shutdown)
        with _keeping_sigterm():
            if scratch is None:
                _init(ray, address)
            else:
                _start(ray, workers or os.cpu_count() or 1, scratch)
        yield Cluster(ray, scratch)


def _check_address(address: str) -> None:
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise UsageError(f"--on {address}: give local, ray, or an address like ray://10.0.0.1:10001.")


def _check_somebody_is_there(address: str) -> None:
    """Ray itself would try for minutes, deaf to signals, and end this process where it is refused in the end.

    Both its ports speak gRPC, which is HTTP/2: whoever does answers a greeting with its settings (RFC 9113, 3.4).
    """
    found = _ADDRESS.fullmatch(address)
    assert found is not None
    try:
        where = found["host"].strip("[]"), int(found["port"])
        with socket.create_connection(where, _ANSWERS_WITHIN_S) as line:
            line.settimeout(_ANSWERS_WITHIN_S)
            if os.environ.get("RAY_USE_TLS", "0") == "1":
                return
            line.sendall(_GREETING)
            if line.recv(_FRAME_HEAD_BYTES, socket.MSG_WAITALL)[3:4] != _SETTINGS:
                raise EngineNotReady(f"{address}: whoever answers there is no Ray cluster. Give the address of one.")
    except OSError as error:
        raise EngineNotReady(f"{address}: no Ray cluster answers there ({said(error)}). Start it first.") from error


def _start(ray: ModuleType, workers: int, scratch: Path) -> None:
    """A new cluster on this machine. Ray allows it 30 s, which is little where the machine has other work."""
    own = {
        "num_cpus": workers, "include_dashboard": False, "_temp_dir": os.fspath(scratch),
        "_node_ip_address": "127.0.0.1",
    }  # fmt: skip
    for _ in range(_STARTS - 1):
        with contextlib.suppress(EngineNotReady):
            _init(ray, None, **own)
            return
        _end_processes_of(scratch)
    _init(ray, None, **own)


def _init(ray: ModuleType, address: str | None, **own: Any) -> None:
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except BaseException as error:
        # Ray says so with whatever exception is at hand, plain `Exception` among them.
        if isinstance(error, ConnectionError | RuntimeError | OSError | ValueError) or type(error) is Exception:
            first = said(error).partition("\n")[0]
            raise EngineNotReady(f"--on {address or 'ray'}: the Ray cluster cannot be used ({first}).") from error
        raise


def _own_key() -> dict[str, str]:
    """A key to our own cluster, where the user has none; Ray would leave one in the user's home."""
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextlib.contextmanager
def _environment(words: Mapping[str, str]) -> Iterator[None]:
    """Ray takes these from the environment alone, hands them on to its processes, and leaves words of its own there."""
    before = dict(os.environ)
    os.environ.update(words)
    try:
        yield
    finally:
        for name in {*before, *os.environ}:
            if name.startswith("RAY_") or name == "PYTHONBREAKPOINT":
                os.environ.pop(name, None)
                os.environ.update({name: before[name]} if name in before else {})


@contextlib.contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Ray puts a handler of its own in the place of ours, and that one leaves at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _end_processes_of(scratch: Path) -> None:
    """Ends whatever Ray has left running for a cluster of ours: all of it has its folder among its arguments."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(scratch) + b"/" in (process / "cmdline").read_bytes() and process.name != str(os.getpid()):
                os.kill(int(process.name), signal.SIGKILL)
