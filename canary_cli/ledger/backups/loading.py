"""Loads a dump by two of the server's clients at once: a restore is bound by the server, which has more than one core.

Tables are made one by one on a connection of our own; the INSERT statements (a megabyte each) go to the clients in
turn, so that one is executed while the next is sent.
"""

import itertools
import subprocess
import tempfile
from collections.abc import Iterable
from typing import IO, Any

from sqlalchemy import Engine

from canary_cli.errors import BackupError

_LANES = 2
_FREE = "SET FOREIGN_KEY_CHECKS=0, UNIQUE_CHECKS=0"
_SKIPPED = (b"--", b"\n", b"LOCK TABLES", b"UNLOCK TABLES", b"/*!40000 ALTER TABLE")  # nobody else sees the shadows
_TABLES = (b"CREATE TABLE", b"DROP TABLE")


class Loading:
    """Two clients and a connection, as a context that leaves none of them running."""

    def __init__(self, engine: Engine, client: str, options: str, schema: str) -> None:
        self._client = client
        self._complaints = [tempfile.TemporaryFile() for _ in range(_LANES)]  # noqa: SIM115  (closed on exit)
        command = [client, f"--defaults-file={options}", "--batch", f"--init-command={_FREE}", schema]
        self._lanes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints)
            for complaints in self._complaints
        ]
        self._turns = itertools.cycle(self._lanes)
        self._connection = engine.raw_connection()

    def __enter__(self) -> "Loading":
        self._execute(_FREE.encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind:
            self.kill()
        for lane, complaints in zip(self._lanes, self._complaints, strict=True):
            lane.wait()
            complaints.close()
        self._connection.invalidate()  # its session variables are the dump's

    def kill(self) -> None:
        for lane in self._lanes:
            lane.kill()

    def feed(self, lines: Iterable[bytes]) -> None:
        """Send everything. A client that hung up is found out by `finish`."""
        statement: list[bytes] = []
        try:
            for line in lines:
                if not statement and line.startswith(_SKIPPED):
                    continue
                statement.append(line)
                if line.endswith(b";\n") or (len(statement) == 1 and line.startswith(b"/*M!")):
                    self._send(b"".join(statement))
                    statement = []
        except BrokenPipeError:
            return
        finally:
            self._hang_up()

    def finish(self) -> None:
        """Raises BackupError with the client's own words where one failed."""
        for lane, complaints in zip(self._lanes, self._complaints, strict=True):
            check_end(lane, complaints, self._client)

    def _send(self, statement: bytes) -> None:
        if statement.startswith(b"INSERT INTO"):
            _input(next(self._turns)).write(statement)
        elif statement.startswith(_TABLES):
            self._execute(statement)
        else:  # SET: every session needs it
            for lane in self._lanes:
                _input(lane).write(statement)
            if statement.startswith((b"SET", b"/*!")):
                self._execute(statement)

    def _execute(self, statement: bytes) -> None:
        try:
            self._connection.cursor().execute(statement.decode())
        except Exception as error:  # the driver's own kinds stay in this package's engine
            raise BackupError(f"{error.args[-1]}: {statement[:60].decode()}...", "canary backups list") from None

    def _hang_up(self) -> None:
        for lane in self._lanes:
            try:
                _input(lane).close()
            except BrokenPipeError:
                continue


def check_end(process: "subprocess.Popen[bytes]", complaints: IO[bytes], name: str) -> None:
    """Raises BackupError with the last line a program complained in, unless it ended well."""
    if process.wait() != 0:
        complaints.seek(0)
        said = complaints.read(2000).decode("utf-8", "replace").strip().splitlines()
        raise BackupError(f"{name}: {said[-1] if said else f'ended with {process.returncode}'}", "canary verify-db")


def _input(lane: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert lane.stdin
    return lane.stdin
