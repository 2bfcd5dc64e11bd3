"""Compressed files that appear whole or not at all."""

import os
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

from canary_cli.errors import BackupError
from canary_cli.journal.files import sync_folder

CHUNK = 1 << 20
_LEVEL = 1  # a third of the time of level 6 for a tenth more bytes, on dumps
_GZIP = 31  # zlib's code for a gzip member with 32 KB window


class GzipWriter:
    """Writes a gzip file of many members, compressed by two threads; any gunzip reads it. `digest` is of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pool = ThreadPoolExecutor(2, "gzip")
        self._waiting: deque[Future[bytes]] = deque()
        self.digest = sha256()
        self.bytes = 0

    def write(self, chunk: bytes) -> None:
        self._waiting.append(self._pool.submit(_member, chunk))
        while len(self._waiting) > 4:
            self._put(self._waiting.popleft().result())

    def finish(self) -> None:
        while self._waiting:
            self._put(self._waiting.popleft().result())

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _put(self, member: bytes) -> None:
        self._file.write(member)
        self.digest.update(member)
        self.bytes += len(member)


def partial_of(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


@contextmanager
def new_gzip(path: Path) -> Iterator[GzipWriter]:
    """A new compressed file: written to `.partial`, on disk before it gets its name, which a failure never gives it."""
    partial = partial_of(path)
    partial.touch(0o600)  # a backup holds what the account traded, while it is written too
    with partial.open("wb") as file:
        writer = GzipWriter(file)
        try:
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        finally:
            writer.close()
    partial.replace(path)
    sync_folder(path.parent)


def chunks(path: Path) -> Iterator[bytes]:
    """The content of a gzip file (or of a plain one) in pieces. Raises BackupError where it is cut short or damaged."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            while chunk := file.read(CHUNK):
                yield chunk
            return
        file.seek(0)
        try:
            yield from _gunzip(file)
        except zlib.error:
            raise BackupError(f"{path.name} is damaged: it cannot be unpacked", "canary backups list") from None
        except EOFError:
            raise BackupError(f"{path.name} is cut short", "canary backups list") from None


def _gunzip(file: IO[bytes]) -> Iterator[bytes]:
    """Member after member; the end of the file must be the end of one. Raises EOFError or zlib.error."""
    unpacker = zlib.decompressobj(_GZIP)
    packed = b""
    while packed or (packed := file.read(CHUNK)):
        yield unpacker.decompress(packed)
        packed = unpacker.unused_data
        if unpacker.eof:
            unpacker = zlib.decompressobj(_GZIP) if packed or _peek(file) else unpacker
    if not unpacker.eof:
        raise EOFError


def _peek(file: IO[bytes]) -> bytes:
    byte = file.read(1)
    file.seek(-len(byte), os.SEEK_CUR)
    return byte


def _member(chunk: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(chunk) + packer.flush()
