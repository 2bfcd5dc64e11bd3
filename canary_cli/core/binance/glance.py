"""One look at the account with the standard library alone, for a verb that must not wait for a client to load.

Importing python-binance takes ten times as long as a round trip to the exchange. A glance asks once, has no budget, and
is not repeated: whoever wants more uses the client.
"""

import hmac
import json
import threading
from datetime import datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode, urlsplit

from canary_cli.accounts import Account
from canary_cli.core.binance import translate
from canary_cli.core.binance.unreachable import unreachable
from canary_cli.core.clock import Clock
from canary_cli.core.model import AccountSnapshot
from canary_cli.core.trading.replies import Failed
from canary_cli.errors import ExchangeUnreachable

PARTS = (
    "/fapi/v1/accountConfig",
    "/fapi/v3/account",
    "/fapi/v3/positionRisk",
    "/fapi/v1/openOrders",
    "/fapi/v1/openAlgoOrders",
)


def glance(account: Account, clock: Clock, patience: float) -> AccountSnapshot:
    """What `BinanceExchange.snapshot` tells, asked part by part at once. `patience` is wall seconds for all of it.

    Raises ExchangeUnreachable where a part is missing, ConfigurationError where the account has no key.
    """
    if account.key_trouble is not None:
        raise account.key_trouble
    found: dict[str, Any] = {}
    began, wall = clock.monotonic(), clock.wall()
    threads = [
        threading.Thread(target=_ask, args=(account, part, wall, patience, found), daemon=True) for part in PARTS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + patience - clock.monotonic()))
    answers = [found.get(part) for part in PARTS]
    failure = next((answer for answer in answers if isinstance(answer, ExchangeUnreachable)), None)
    if failure is not None:
        raise failure
    if any(answer is None for answer in answers):
        raise ExchangeUnreachable(f"NO ANSWER from {account.rest_url} within {patience:g} s")
    try:
        return translate.snapshot(clock.now(), *answers)  # type: ignore[arg-type]
    except translate.UNREADABLE as error:
        raise ExchangeUnreachable(f"{account.rest_url}: an answer we cannot read: {error!r}") from None


def _ask(account: Account, path: str, wall: datetime, patience: float, found: dict[str, Any]) -> None:
    try:
        found[path] = _get(account, path, wall, patience)
    except TimeoutError:
        return
    except (OSError, HTTPException, ValueError) as error:
        found[path] = unreachable(account.rest_url, Failed(0, str(error) or type(error).__name__))
    except ExchangeUnreachable as error:
        found[path] = error


def _get(account: Account, path: str, wall: datetime, patience: float) -> Any:
    query = urlencode({"recvWindow": 5000, "timestamp": translate.milliseconds(wall)})
    signature = hmac.new(account.api_secret.encode(), query.encode(), sha256).hexdigest()
    connection = _connection(account.rest_url, patience)
    try:
        connection.request("GET", f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": account.api_key})
        answer = connection.getresponse()
        return _document(account, answer, answer.read(), wall)
    finally:
        connection.close()


def _connection(url: str, patience: float) -> HTTPConnection:
    where = urlsplit(url)
    if where.scheme == "https":
        from http.client import HTTPSConnection

        return HTTPSConnection(where.netloc, timeout=patience)
    return HTTPConnection(where.netloc, timeout=patience)


def _document(account: Account, answer: HTTPResponse, body: bytes, wall: datetime) -> Any:
    if answer.status == 200:
        return json.loads(body)
    told = json.loads(body) if body.startswith(b"{") else {}
    reply = translate.refusal(answer.status, int(told.get("code", 0)), str(told.get("msg", "")), None, wall)
    raise unreachable(account.rest_url, reply)
