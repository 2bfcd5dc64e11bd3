"""What a terminal sees of the exchange: the screen when it starts, and answers of one that runs elsewhere."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from canary_cli.errors import ExchangeUnreachable


def say(text: str) -> None:
    """To stdout at once, also into a pipe."""
    sys.stdout.write(text)
    sys.stdout.flush()


def announcer(*, as_json: bool) -> Callable[[Mapping[str, Any]], None]:
    """What `launch.serve` calls with the registry entry once the port listens."""
    return lambda entry: say(announce(entry, as_json=as_json))


def announce(entry: Mapping[str, Any], *, as_json: bool) -> str:
    """One JSON line, or a screen with the lines to paste in a second terminal."""
    if as_json:
        return json.dumps(dict(entry)) + "\n"
    account, port = entry["account"], entry["port"]
    return f"""PAPER EXCHANGE  account {account}  pid {entry["pid"]}
  REST       http://127.0.0.1:{port}
  streams    ws://127.0.0.1:{port}   (/public /market /private)
  ws api     ws://127.0.0.1:{port}/ws-fapi/v1
  plan time  {entry["plan_start"]} at speed {entry["speed"]:g}
{_missing(entry)}
In a second terminal:
  canary preflight --account {account}
  canary positions --account {account}
  canary close-all --account {account}
  canary paper stop --account {account}
"""


def _missing(entry: Mapping[str, Any]) -> str:
    pairs = entry.get("missing_pairs", ())
    return f"  not recorded there: {', '.join(pairs)}\n" if pairs else ""


def describe(status: Mapping[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(dict(status)) + "\n"
    return "".join(f"{line}\n" for line in (f"PAPER EXCHANGE  account {status['account']}", *_rows(status)))


def _rows(status: Mapping[str, Any]) -> list[str]:
    held = ", ".join(f"{name} {quantity}" for name, quantity in status["positions"].items()) or "none"
    faults = ", ".join(fault["kind"] for fault in status["faults"]) or "none"
    return [
        f"  plan time     {status['now'][:19].replace('T', ' ')} UTC at speed {status['speed']:g}",
        f"  equity        {status['equity']} USDT",
        f"  positions     {held}",
        f"  open orders   {status['open_orders']} and {status['open_conditionals']} conditional",
        f"  sockets       {status['sockets']}",
        f"  this minute   {status['weight']} of weight, {status['orders']} orders",
        f"  faults on     {faults}",
        f"  idle          {status['idle_seconds']} s",
    ]


class Screen:
    """The status below the start screen, drawn again in the same place; lines are cut to the terminal's width."""

    def __init__(self) -> None:
        self._lines = 0

    def draw(self, status: Mapping[str, Any]) -> None:
        width = get_terminal_size().columns
        rows = [row if len(row) <= width else row[: width - 1] + "…" for row in ("Now:", *_rows(status))]
        back = f"\x1b[{self._lines}A\x1b[J" if self._lines else "\n"
        self._lines = len(rows)
        say(back + "\n".join(rows) + "\n")


def screen(*, as_json: bool) -> Callable[[Mapping[str, Any]], None] | None:
    """What draws the status once a second; None where nobody looks: in a pipe, a dumb terminal, as JSON."""
    looked_at = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Screen().draw if looked_at and not as_json else None


def is_running(registry: Path) -> bool:
    """Whether the exchange of this registry entry answers."""
    try:
        ask(registry, "GET", "clock")
    except ExchangeUnreachable:
        return False
    return True


def ask(registry: Path, method: str, what: str) -> dict[str, Any]:
    """Ask the exchange whose registry entry this is. Raises ExchangeUnreachable where none runs."""
    try:
        port = int(json.loads(registry.read_text())["port"])
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request(method, f"/paper/{what}", body=b"")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
    except (OSError, ValueError, KeyError):
        raise ExchangeUnreachable(
            f"no paper exchange runs as {registry.stem}", "start one: canary paper serve"
        ) from None
    return answer
