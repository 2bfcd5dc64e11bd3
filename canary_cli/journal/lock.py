"""A lock among the processes of an account that nobody waits for without end."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT = 0.002
_ATTEMPTS = 1000


def open_lock(path: Path) -> int:
    """The descriptor of a lock file, made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Take the lock; after two seconds raise TimeoutError (an OSError): one stopped process must not stop the rest.

    Several may hold it at once where each asked for it `shared`.
    """
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            threading.Event().wait(_WAIT)
    raise TimeoutError("another process holds the lock and does not move")


def would_wait(descriptor: int) -> bool:
    """Whether somebody else holds it. Takes it where nobody does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`. Raises OSError (TimeoutError after two seconds)."""
    descriptor = open_lock(path)
    try:
        lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # which also unlocks
