"""ccxt and ccxt.pro behind the same face: unified methods, of which `info` is what the exchange said."""

import inspect
import re
from typing import Any

import ccxt

from tests.contract.desks import BTC, Json, Refused


class Ccxt:
    """`binanceusdm`, synchronous or asynchronous."""

    symbol = "BTC/USDT:USDT"

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange

    async def ask(self, method: str, *values: Any, **params: Any) -> Any:
        try:
            reply = getattr(self.exchange, method)(*values, **params)
            return await reply if inspect.isawaitable(reply) else reply
        except ccxt.ExchangeError as refusal:
            code = re.search(r'"code":(-\d+)', str(refusal))
            raise (Refused(int(code[1])) if code else refusal) from refusal

    async def info(self, method: str, *values: Any, **params: Any) -> Any:
        reply = await self.ask(method, *values, **params)
        return [row["info"] for row in reply] if isinstance(reply, list) else reply["info"]

    # orders

    def _unified(self, order: Json) -> tuple[Any, ...]:
        rest = dict(order)
        kind, side = rest.pop("type"), rest.pop("side")
        quantity, price = rest.pop("quantity", None), rest.pop("price", None)
        return (self.symbol, kind, side, quantity and float(quantity), price and float(price), rest)

    async def place(self, **order: Any) -> Any:
        return await self.info("create_order", *self._unified(order))

    async def amend(self, order: Json, quantity: str, price: str) -> Any:
        changed = (self.symbol, "limit", order["side"].lower(), float(quantity), float(price))
        return await self.info("edit_order", str(order["orderId"]), *changed)

    async def cancel(self, order_id: int) -> Any:
        return await self.info("cancel_order", str(order_id), self.symbol)

    async def order(self, order_id: int) -> Any:
        return await self.info("fetch_order", str(order_id), self.symbol)

    async def open_orders(self) -> Any:
        return await self.info("fetch_open_orders", self.symbol)

    async def orders(self) -> Any:
        return await self.info("fetch_orders", self.symbol)

    async def trades(self) -> Any:
        return await self.info("fetch_my_trades", self.symbol)

    async def batch(self, *orders: Json) -> Any:
        names = ("symbol", "type", "side", "amount", "price", "params")
        rows = [dict(zip(names, self._unified(order), strict=True)) for order in orders]
        return await self.info("create_orders", rows)

    async def cancel_every(self) -> Any:
        return await self.info("cancel_all_orders", self.symbol)

    # conditional orders

    async def stop(self, **order: Any) -> Any:
        return await self.info("create_order", *self._unified(order))

    async def open_stops(self) -> Any:
        return await self.info("fetch_open_orders", self.symbol, params={"trigger": True})

    async def stops(self) -> Any:
        return await self.info("fetch_orders", self.symbol, params={"trigger": True})

    async def cancel_stop(self, algo_id: int) -> Any:
        return await self.info("cancel_order", str(algo_id), self.symbol, params={"trigger": True})

    async def cancel_every_stop(self) -> Any:
        return await self.info("cancel_all_orders", self.symbol, params={"trigger": True})

    # the account

    async def positions(self) -> Any:
        return await self.info("fetch_positions", [self.symbol])

    async def account(self) -> Any:
        return await self.info("fetch_balance")

    async def set_leverage(self, leverage: int) -> Any:
        return await self.ask("set_leverage", leverage, self.symbol)

    async def set_margin_type(self, kind: str) -> Any:
        return await self.ask("set_margin_mode", {"ISOLATED": "isolated", "CROSSED": "cross"}[kind], self.symbol)

    async def set_hedge(self, hedge: bool) -> Any:
        return await self.ask("set_position_mode", hedge)

    async def income(self) -> Any:
        return await self.info("fetch_ledger")

    async def fees(self) -> Any:
        return await self.info("fetch_trading_fee", self.symbol)

    # the market, as it comes

    async def mark(self) -> Any:
        return await self.info("fetch_mark_price", self.symbol)

    async def klines(self) -> Any:
        return await self.ask("fapiPublicGetKlines", {"symbol": BTC, "interval": "15m", "limit": 3})

    async def book(self) -> Any:
        return await self.ask("fapiPublicGetDepth", {"symbol": BTC, "limit": 5})

    async def exchange_info(self) -> Any:
        return await self.ask("fapiPublicGetExchangeInfo")
