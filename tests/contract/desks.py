"""One face for every client, so that a case is written once: the exchange's raw replies, `Refused` where it says no.

Each desk uses its client as its own documentation does; nothing below knows what the exchange answers.
"""

import inspect
import re
from decimal import Decimal
from typing import Any

import ccxt
from binance.exceptions import BinanceAPIException

Json = dict[str, Any]
BTC = "BTCUSDT"


class Refused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class PythonBinance:
    """The synchronous client or the asynchronous one."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def ask(self, method: str, **params: Any) -> Any:
        try:
            reply = getattr(self.client, method)(**params)
            return await reply if inspect.isawaitable(reply) else reply
        except BinanceAPIException as refusal:
            raise Refused(refusal.code) from refusal

    # orders

    async def place(self, **order: Any) -> Any:
        return await self.ask("futures_create_order", symbol=BTC, newOrderRespType="RESULT", **order)

    async def amend(self, order: Json, quantity: str, price: str) -> Any:
        return await self.ask(
            "futures_modify_order",
            symbol=BTC,
            orderId=order["orderId"],
            side=order["side"],
            quantity=quantity,
            price=price,
        )

    async def cancel(self, order_id: int) -> Any:
        return await self.ask("futures_cancel_order", symbol=BTC, orderId=order_id)

    async def order(self, order_id: int) -> Any:
        return await self.ask("futures_get_order", symbol=BTC, orderId=order_id)

    async def open_orders(self) -> Any:
        return await self.ask("futures_get_open_orders", symbol=BTC)

    async def orders(self) -> Any:
        return await self.ask("futures_get_all_orders", symbol=BTC)

    async def trades(self) -> Any:
        return await self.ask("futures_account_trades", symbol=BTC)

    async def batch(self, *orders: Json) -> Any:
        rows = [{"symbol": BTC, **order} for order in orders]
        return await self.ask("futures_place_batch_order", batchOrders=rows)

    async def cancel_every(self) -> Any:
        return await self.ask("futures_cancel_all_open_orders", symbol=BTC)

    # conditional orders

    async def stop(self, **order: Any) -> Any:
        return await self.ask("futures_create_order", symbol=BTC, **order)

    async def open_stops(self) -> Any:
        return await self.ask("futures_get_open_orders", symbol=BTC, conditional=True)

    async def stops(self) -> Any:
        return await self.ask("futures_get_all_orders", symbol=BTC, conditional=True)

    async def cancel_stop(self, algo_id: int) -> Any:
        return await self.ask("futures_cancel_order", symbol=BTC, algoId=algo_id)

    async def cancel_every_stop(self) -> Any:
        return await self.ask("futures_cancel_all_open_orders", symbol=BTC, conditional=True)

    # the account

    async def positions(self) -> Any:
        return await self.ask("futures_position_information", symbol=BTC)

    async def account(self) -> Any:
        return await self.ask("futures_account", version=3)

    async def set_leverage(self, leverage: int) -> Any:
        return await self.ask("futures_change_leverage", symbol=BTC, leverage=leverage)

    async def set_margin_type(self, kind: str) -> Any:
        return await self.ask("futures_change_margin_type", symbol=BTC, marginType=kind)

    async def set_hedge(self, hedge: bool) -> Any:
        return await self.ask("futures_change_position_mode", dualSidePosition="true" if hedge else "false")

    async def income(self) -> Any:
        return await self.ask("futures_income_history")

    async def fees(self) -> Any:
        return await self.ask("futures_commission_rate", symbol=BTC)

    # the market

    async def mark(self) -> Any:
        return await self.ask("futures_mark_price", symbol=BTC)

    async def klines(self) -> Any:
        return await self.ask("futures_klines", symbol=BTC, interval="15m", limit=3)

    async def book(self) -> Any:
        return await self.ask("futures_order_book", symbol=BTC, limit=5)

    async def exchange_info(self) -> Any:
        return await self.ask("futures_exchange_info")


class PythonBinanceSockets(PythonBinance):
    """The asynchronous client where it can, over the WebSocket API."""

    async def place(self, **order: Any) -> Any:
        return await self.ask("ws_futures_create_order", symbol=BTC, newOrderRespType="RESULT", **order)

    async def amend(self, order: Json, quantity: str, price: str) -> Any:
        return await self.ask(
            "ws_futures_edit_order",
            symbol=BTC,
            orderId=order["orderId"],
            side=order["side"],
            quantity=quantity,
            price=price,
        )

    async def cancel(self, order_id: int) -> Any:
        return await self.ask("ws_futures_cancel_order", symbol=BTC, orderId=order_id)

    async def order(self, order_id: int) -> Any:
        return await self.ask("ws_futures_get_order", symbol=BTC, orderId=order_id)

    async def stop(self, **order: Any) -> Any:
        trigger = order.pop("stopPrice")
        return await self.ask(
            "ws_futures_create_algo_order", symbol=BTC, algoType="CONDITIONAL", triggerPrice=trigger, **order
        )

    async def cancel_stop(self, algo_id: int) -> Any:
        return await self.ask("ws_futures_cancel_algo_order", algoId=algo_id)

    async def positions(self) -> Any:
        return await self.ask("ws_futures_v2_account_position", symbol=BTC)

    async def account(self) -> Any:
        return await self.ask("ws_futures_v2_account_status")

    async def book(self) -> Any:
        return await self.ask("ws_futures_get_order_book", symbol=BTC, limit=5)


class Ccxt:
    """`binanceusdm` of ccxt or ccxt.pro by its unified methods; `info` holds what the exchange said."""

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


Desk = PythonBinance | Ccxt


async def tidy(desk: PythonBinance) -> None:
    """Cancel what rests, close what is held, and go back to the modes that an account begins with."""
    await desk.cancel_every()
    await desk.cancel_every_stop()
    for held in await desk.positions():
        if Decimal(held["positionAmt"]):
            await desk.place(type="MARKET", positionSide=held["positionSide"], **closing(held))
    for change in (desk.set_hedge(False), desk.set_margin_type("CROSSED"), desk.set_leverage(20)):
        try:
            await change
        except Refused as refused:
            assert refused.code in (-4046, -4059)


def closing(held: Json) -> Json:
    amount = Decimal(held["positionAmt"])
    order = {"side": "SELL" if amount > 0 else "BUY", "quantity": f"{abs(amount):f}"}
    return order | ({"reduceOnly": "true"} if held["positionSide"] == "BOTH" else {})
