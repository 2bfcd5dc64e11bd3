"""Where the journal lies, and how a small file is replaced so that no crash can leave half of it."""

import os
from collections.abc import Iterator
from pathlib import Path


def day_files(folder: Path) -> list[Path]:
    """The journal's files, oldest first (their names sort by day)."""
    return sorted(folder.glob("audit-????-??-??.jsonl"))


def lines_backwards(path: Path, block: int = 1 << 16) -> Iterator[bytes]:
    """The lines of a file, last first. The first one is empty unless the file's last line lacks its newline."""
    with path.open("rb") as file:
        end, rest = file.seek(0, os.SEEK_END), b""
        while end > 0:
            start = max(0, end - block)
            file.seek(start)
            rest, *whole = (file.read(end - start) + rest).split(b"\n")
            yield from reversed(whole)
            end = start
        yield rest


def version(path: Path) -> str:
    """Which file stands there: another one after each `replace_file`, empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}-{found.st_ino}"


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write `path` anew: the old content or the new is there at any moment, and the new is on disk on return."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a file is lost with its name)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
