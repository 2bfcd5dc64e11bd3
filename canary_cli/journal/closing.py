"""The marks of whoever closes the account: one held by each while it lives, one that names who goes on closing."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from canary_cli.journal.beat import is_alive
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


def take_over(state_dir: Path, pair: str | None) -> Callable[[], int | None]:
    """Be the process that goes on closing the account, or `pair` of it; whoever was ends for it.

    The answer, asked later, is the process that took over in turn and lives; None where none did. A disk that refuses
    lets all go on.
    """
    mark = state_dir / f".sweeper-{pair or 'all'}"
    fresh = mark.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_text(str(os.getpid()))
        fresh.replace(mark)
    except OSError:
        return lambda: None
    return lambda: _successor(mark)


def _successor(mark: Path) -> int | None:
    try:
        pid = int(mark.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid != os.getpid() and is_alive(pid) else None
