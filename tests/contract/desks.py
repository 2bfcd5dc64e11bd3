"""One face for every client, so that a case is written once: the exchange's raw replies, `Refused` where it says no.

Each desk uses its client as its own documentation does; nothing below knows what the exchange answers.
"""

import inspect
from decimal import Decimal
from typing import Any

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
