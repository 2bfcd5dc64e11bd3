"""A client with no opinions: signs as the documentation says, and shows status, headers and body as they come."""

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import aiohttp

from canary_cli.paper.server import Server

KEY = "k" * 64
SECRET = "s" * 64


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> int:
        return int(self.body["code"])


def signed(text: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, as long as a loaded machine may need."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Wire:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.base = f"http://127.0.0.1:{server.port}"
        self.http = aiohttp.ClientSession(trust_env=False)

    async def close(self) -> None:
        await self.http.close()

    def query(self, **params: object) -> str:
        values = {"timestamp": self.server.venue.wall_ms(), **params}
        text = urlencode(values)
        return f"{text}&signature={signed(text)}"

    async def call(self, method: str, path: str, **params: object) -> Reply:
        """Signed, everything in the query."""
        return await self.raw(method, f"{path}?{self.query(**params)}", {"X-MBX-APIKEY": KEY})

    async def raw(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        from yarl import URL

        url = URL(self.base + target, encoded=True)
        async with self.http.request(method, url, headers=headers, data=body) as response:
            return Reply(response.status, response.headers, await response.json())

    async def order(self, **params: object) -> Reply:
        return await self.call("POST", "/fapi/v1/order", **({"symbol": "BTCUSDT", "side": "BUY"} | params))

    async def limit(self, price: object | None, **params: object) -> Reply:
        rest: dict[str, object] = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        priced = {} if price is None else {"price": price}
        return await self.order(**(rest | priced | params))

    async def market(self, quantity: object = "0.01", **params: object) -> Reply:
        return await self.order(**({"type": "MARKET", "quantity": quantity} | params))

    async def algo(self, **params: object) -> Reply:
        base = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
        return await self.call("POST", "/fapi/v1/algoOrder", **(base | params))

    async def admin(self, method: str, what: str, **body: object) -> Reply:
        async with self.http.request(method, f"{self.base}/paper/{what}", json=body or None) as response:
            return Reply(response.status, response.headers, await response.json())

    def mark(self, symbol: str = "BTCUSDT") -> Any:
        return self.server.venue.engine.state.marks[symbol]

    def near(self, share: str = "1", symbol: str = "BTCUSDT") -> Any:
        """A price on the tick, `share` of the mark."""
        from decimal import Decimal

        rules = self.server.venue.engine.state.listing(symbol).rules
        return rules.round_price(self.mark(symbol) * Decimal(share), up=False)
