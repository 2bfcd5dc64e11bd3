"""A private MariaDB for the tests that want one: one template per session, a copy of it per worker."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest
from filelock import FileLock

os.environ["PATH"] += os.pathsep + "/usr/sbin"
MARIADBD, INSTALL = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
FAST = ["--innodb-flush-method=nosync", "--innodb-log-file-size=8M", "--innodb-doublewrite=0"]  # tests only
SMALL = [
    "--innodb-buffer-pool-size=64M",
    "--innodb-fast-shutdown=2",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-temp-data-file-path=ibtmp1:2M:autoextend",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MARIADBD is None:
        for item in items:
            if item.get_closest_marker("mariadb"):
                item.add_marker(pytest.mark.skip(reason="mariadbd is not installed"))


@dataclass
class MariaDB:
    """A server of our own. `url(name)` makes an empty database and returns its address. `honest`: as users run it."""

    folder: Path
    port: int
    honest: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MARIADBD
        places = [f"--datadir={self.folder}/data", f"--socket={self.folder}/s", f"--pid-file={self.folder}/pid"]
        network = [f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin"]
        size = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M"] if self.honest else [*SMALL, *FAST]
        self.process = subprocess.Popen(
            [MARIADBD, "--no-defaults", *_as_root(), *places, *network, *size, f"--log-error={self.folder}/err.log"],
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def url(self, name: str) -> str:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return f"mysql+pymysql://canary:s3cret-pw@127.0.0.1:{self.port}/{name}"

    def connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(unix_socket=f"{self.folder}/s", user="root", autocommit=True)

    def _wait(self) -> None:
        assert self.process
        for _ in range(600):
            try:
                self.connect().close()
                return
            except pymysql.OperationalError:
                assert self.process.poll() is None, (self.folder / "err.log").read_text()
                threading.Event().wait(0.05)
        raise TimeoutError("mariadbd does not answer")


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    folder = Path(tempfile.mkdtemp(prefix="cdb"))  # short: socket paths end at 107 bytes
    server = new_server(folder, _template(tmp_path_factory.getbasetemp()))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def new_server(folder: Path, template: Path | None = None, *, honest: bool = False) -> MariaDB:
    """A server running in `folder`, with a user who may do everything."""
    if template:
        subprocess.run(["cp", "-a", "--sparse=always", str(template), str(folder / "data")], check=True)
    else:
        _install(folder / "data", [])
    server = MariaDB(folder, _free_port(), honest)
    server.start()
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER canary@'%' IDENTIFIED BY 's3cret-pw'")
        cursor.execute("GRANT ALL ON *.* TO canary@'%'")
    return server


@pytest.fixture
def mariadb(mariadb_server: MariaDB) -> Iterator[MariaDB]:
    """The server, running again if a test before stopped it."""
    if mariadb_server.process is None:
        mariadb_server.start()
    yield mariadb_server


def _template(base: Path) -> Path:
    """The datadir all workers copy, made by the first of them."""
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    data = shared / "mariadb-template"
    with FileLock(shared / "mariadb-template.lock"):
        if not (data / "ready").exists():
            _install(data, FAST)
            (data / "ready").touch()
    return data


def _install(data: Path, options: list[str]) -> None:
    assert INSTALL
    plain = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    command = [INSTALL, "--no-defaults", f"--datadir={data}", *plain, *_as_root(), *options]
    subprocess.run(command, check=True, capture_output=True)


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
