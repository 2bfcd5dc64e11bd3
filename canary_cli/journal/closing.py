"""The mark of whoever closes the account: held by a living process, and gone with it however that one ends."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from canary_cli.journal.lock import lock, open_lock, would_wait


def _mark(state_dir: Path) -> Path:
    return state_dir / ".closing.lock"


@contextmanager
def closing(state_dir: Path) -> Iterator[None]:
    """Hold the mark, beside others who close too. A disk that refuses holds no closing up: then nobody sees it."""
    with ExitStack() as held:
        with suppress(OSError):
            descriptor = open_lock(_mark(state_dir))
            held.callback(os.close, descriptor)
            lock(descriptor, shared=True)
        yield


def is_closing(state_dir: Path) -> bool:
    """Whether a process of this host closes the account now. Raises OSError where the disk does not tell."""
    descriptor = open_lock(_mark(state_dir))
    try:
        return would_wait(descriptor)
    finally:
        os.close(descriptor)
