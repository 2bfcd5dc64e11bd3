"""A whole rollback as typed in a shell: five positions, a ledger of 45 MB on MariaDB, Slack and PagerDuty played here.

`python tests/bench/rollback.py [MEGABYTES]`. The paper exchange runs in a process of its own and answers after 50 ms.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import trustme
from pydantic import SecretStr

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import OrderStatus, OrderType, Side
from canary_cli.core.trading.facts import Fact, Filled, Intended, OrderConfirmed, OrderMoved, Purpose
from canary_cli.journal.reader import read
from canary_cli.journal.writer import Journal
from canary_cli.ledger import Ledger
from canary_cli.session.scribe import Scribe
from tests.conftest import MARIADBD, MariaDB, new_server

CLOCK = SystemClock()
PAIRS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT")
SIZES = ("0.02", "0.5", "2", "10", "500")
BYTES_AN_ORDER = 3_600  # dump text of an order with its trade and its four journal lines
CANARY = [sys.executable, "-m", "canary_cli"]


class Far(BaseHTTPRequestHandler):
    """Slack and PagerDuty, as far as a message needs them."""

    heard: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.heard.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"ok": True, "ts": "1.0", "status": "success", "dedup_key": "k"}).encode()
        self.send_response(202 if self.path.endswith("enqueue") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def far_ends(folder: Path) -> Iterator[dict[str, str]]:
    """The environment that points alerts at two servers of ours; PagerDuty's client insists on https."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    slack, pager = (ThreadingHTTPServer(("127.0.0.1", 0), Far) for _ in range(2))
    pager.socket = tls.wrap_socket(pager.socket, server_side=True)
    for server in (slack, pager):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "SLACK_BOT_TOKEN": "xoxb-bench", "SLACK_API_URL": f"http://127.0.0.1:{slack.server_port}/api/",
            "PAGERDUTY_ROUTING_KEY": "bench", "PAGERDUTY_API_URL": f"https://localhost:{pager.server_port}",
            "SSL_CERT_FILE": str(folder / "ca.pem"),
        }  # fmt: skip
    finally:
        for server in (slack, pager):
            server.shutdown()
            server.server_close()


@contextmanager
def an_exchange(home: Path) -> Iterator[int]:
    """The port of a paper exchange with five positions, each answer after 50 ms."""
    serve = [*CANARY, "paper", "serve", "--port", "0", "--json", "--idle-after", "300", "--pairs", ",".join(PAIRS)]
    environment = {**os.environ, "CANARY_HOME": str(home)}
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as server:
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())["port"]
        for pair, size in zip(PAIRS, SIZES, strict=True):
            tell(port, "account", order={"symbol": pair, "side": "BUY", "quantity": size})
        tell(port, "faults", kind="latency", on="all", milliseconds=50)
        try:
            yield port
        finally:
            server.terminate()


def tell(port: int, what: str, **body: Any) -> None:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/paper/{what}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(asked):
        pass


def settle_in(home: Path, port: int) -> None:
    """An account that may be paged about."""
    shutil.copytree(Path(__file__).parents[2] / "runbooks", home / "runbooks", dirs_exist_ok=True)
    here = f"127.0.0.1:{port}"
    (home / "accounts.toml").write_text(
        f'default = "desk"\n[desk]\nkind = "demo"\nrest_url = "http://{here}"\nstream_url = "ws://{here}"\n'
        f'ws_api_url = "ws://{here}/ws-fapi/v1"\n'
    )


def trade_on(logs: Path, count: int) -> None:
    """A run's journal of `count` orders, bought and sold in turn, so that nothing is held by it at the end."""
    logs.mkdir(parents=True)
    journal = Journal(logs, CLOCK.now)
    scribe = Scribe(journal, "bench", "run")
    scribe.write("run_started", data={"plan": "bench", "account": "desk"})
    for number in range(count // 2 * 2):
        for fact in an_order(number):
            scribe.write_fact(fact)
    journal.close()


def an_order(number: int) -> Iterator[Fact]:
    client_id, price, now = f"c7-1-{number:09d}", Decimal(68_000 + number % 977), CLOCK.now()
    side, quantity = (Side.SELL if number % 2 else Side.BUY), Decimal("0.005")
    yield Intended(client_id, PAIRS[0], side, quantity, OrderType.MARKET, Purpose.ENTRY, now, price)
    yield OrderConfirmed(client_id, number + 1, 52.125, 51.25)
    yield OrderMoved(client_id, number + 1, OrderStatus.FILLED, quantity, price)
    yield Filled(now, PAIRS[0], number + 1, number + 1, client_id, side, price, quantity, Decimal(0), Decimal("0.17"),
                 "USDT", False, "entry", price, Decimal("0.25"))  # fmt: skip


def roll_back(home: Path, environment: dict[str, str], megabytes: float) -> None:
    command = [*CANARY, "rollback", "--reason", "bench", "--json"]
    began = CLOCK.monotonic()
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=home)
    took = CLOCK.monotonic() - began
    assert done.returncode == 0, done.stderr + done.stdout
    document = json.loads(done.stdout)
    assert document["done"]["verify-db"] == "PASS" and not document["missing"], document
    assert {"/api/chat.postMessage", "/v2/enqueue"} <= set(Far.heard), Far.heard
    flat = document["report"]["verified"]
    print(  # noqa: T201
        f"rollback, 5 positions, {megabytes:.0f} MB on MariaDB: {took:.1f} s from the shell to the post-mortem "
        f"(goal <= 10 s); verified flat {flat:.2f} s after the closing began"
    )


def dumped(server: MariaDB) -> float:
    """Megabytes of dump text."""
    dump = ["mariadb-dump", "--no-defaults", "-uroot", f"-S{server.folder}/s", "--single-transaction", "bench"]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumper:
        assert dumper.stdout is not None
        return sum(len(block) for block in iter(lambda: dumper.stdout.read(1 << 20), b"")) / 1e6  # type: ignore[union-attr]


def main(megabytes: int) -> None:
    if MARIADBD is None:
        print("rollback: mariadbd is not installed, nothing measured")  # noqa: T201
        return
    with tempfile.TemporaryDirectory(prefix="r", dir=Path(__file__).resolve().parent) as folder:
        home = Path(folder)
        server = new_server(home / "db", honest=True)
        try:
            url = SecretStr(server.url("bench"))
            trade_on(home / "logs" / "desk", megabytes * 1_000_000 // BYTES_AN_ORDER)
            ledger = Ledger.open(url, "desk")
            ledger.apply(read(home / "logs" / "desk"))
            ledger.close()
            with an_exchange(home) as port, far_ends(home) as far:
                settle_in(home, port)
                keys = {"BINANCE_API_KEY": PAPER_KEY, "BINANCE_API_SECRET": PAPER_SECRET}
                database = {"CANARY_HOME": str(home), "DATABASE_URL": url.get_secret_value()}
                roll_back(home, {**os.environ, **far, **keys, **database}, dumped(server))
        finally:
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 45)
