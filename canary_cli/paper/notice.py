"""What a terminal sees of the exchange: the screen when it starts, and answers of one that runs elsewhere."""

import json
import sys
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
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
    held = ", ".join(f"{name} {quantity}" for name, quantity in status["positions"].items()) or "none"
    faults = ", ".join(fault["kind"] for fault in status["faults"]) or "none"
    return f"""PAPER EXCHANGE  account {status["account"]}
  plan time     {status["now"]} at speed {status["speed"]:g}
  equity        {status["equity"]} USDT
  positions     {held}
  open orders   {status["open_orders"]} and {status["open_conditionals"]} conditional
  sockets       {status["sockets"]}
  faults on     {faults}
  idle          {status["idle_seconds"]} s
"""


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
