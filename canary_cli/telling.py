"""The words of a verb. Those of one that acts never raise, never hold it up, and never decide how it ends.

A terminal that was stopped or lost, a full disk, a reader that left: the deed goes on. The words of one that answers
are what it was asked for: where they are not written, it says so. Standard library only: the kill path begins here.
"""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import TextIO

PATIENCE = 1.0
"""Wall seconds for which the end waits while the reader takes nothing at all."""

KEPT = 100_000
"""Words kept for a reader that has stopped; what is said after that is lost."""

UNHEEDED = (signal.SIGHUP, signal.SIGTSTP)
"""A terminal that is lost; Ctrl-Z, which would leave an account half closed, or a session blind."""

Queue = SimpleQueue[Callable[[], object] | None]
"""What is to be said, in order; None ends the thread behind it."""


class Unwritten(Exception):
    """Stdout took no word more, and why."""


class _Words(io.TextIOBase):
    """In the place of a stream that is stdout or stderr."""

    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute, CPython a property
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True


class _Apart(_Words):
    """Takes words at once, for the thread behind `queue` to pass on."""

    def __init__(self, stream: TextIO, queue: Queue) -> None:
        super().__init__(stream)
        self._queue = queue

    def write(self, text: str) -> int:
        content = text.encode(self.encoding, self.errors)
        if self._queue.qsize() < KEPT:
            self._queue.put(partial(_pass_on, self._stream, content))
        return len(text)


class _Answer(_Words):
    """Raises Unwritten where the stream refuses; BrokenPipeError where its reader has left."""

    def write(self, text: str) -> int:
        with _refusal_told():
            return self._stream.write(text)

    def flush(self) -> None:
        with _refusal_told():
            self._stream.flush()


class _Remark(_Words):
    """What the stream refuses is lost."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)


@contextmanager
def _refusal_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritten(error.strerror) from None


def _pass_on(stream: TextIO, content: bytes) -> None:
    """Past the stream's own buffer, which would keep what was refused and fail again when Python ends."""
    raw = getattr(stream.buffer, "raw", stream.buffer)
    with suppress(OSError, ValueError):
        while content and (taken := raw.write(content)):
            content = content[taken:]


def legible(text: str) -> str:
    """`text` with `?` for what is no UTF-8: bytes a shell passed on, half a character out of JSON."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def apart() -> Iterator[None]:
    """Within: stdout and stderr take every word at once; a lost terminal ends nothing, and Ctrl-Z stops nothing."""
    queue = Queue()
    threading.Thread(target=_tell, args=(queue,), daemon=True).start()
    streams = sys.stdout, sys.stderr
    for stream in streams:
        with suppress(OSError):
            stream.flush()
    sys.stdout, sys.stderr = (_Apart(stream, queue) for stream in streams)
    before = {number: signal.getsignal(number) for number in (*UNHEEDED, signal.SIGINT)} if _is_main() else {}
    for number in UNHEEDED if before else ():
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        for number, handler in before.items():
            signal.signal(number, handler)
        with suppress(KeyboardInterrupt):  # whoever will not wait for the words changes no ending
            _drain(queue)


@contextmanager
def aloud() -> Iterator[None]:
    """Within: what stdout refuses raises Unwritten, or BrokenPipeError; what stderr refuses is lost."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Answer(sys.stdout), _Remark(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def hush() -> None:
    """Stdout takes no more: what it holds back, too, goes nowhere, so that Python's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _tell(queue: Queue) -> None:
    for say in iter(queue.get, None):
        say()


def _drain(queue: Queue) -> None:
    """Wait until everything is said, or the reader has taken nothing for a while."""
    said = threading.Event()
    queue.put(said.set)
    left = queue.qsize() + 1
    while not said.wait(PATIENCE) and queue.qsize() < left:
        left = queue.qsize()
    queue.put(None)


def open_missing_streams() -> None:
    """Where a shell closed stdin, stdout or stderr, nothing stands in its place: no file may get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115, PTH123
