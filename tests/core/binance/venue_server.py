"""The tiny exchange of the flatten stories behind Binance's REST paths, each reply after `latency` seconds."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from canary_cli.core.clock import SystemClock
from canary_cli.core.model import AlgoOrder, Order, OrderRequest, OrderType, Position, PositionSide, Side, SymbolRules
from canary_cli.core.trading.flatten import CancelAlgo, CancelAll
from canary_cli.core.trading.replies import Confirmed, Rejected, Reply
from tests.core.binance.stage import Asked, Stage, a_stage, says
from tests.core.trading.venue import Venue


@dataclass
class VenueServer:
    stage: Stage
    venue: Venue
    latency: float = 0.0
    arrived: list[tuple[float, str]] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    def serve(self) -> None:
        answers: dict[str, Callable[[Asked], Any]] = {
            "/fapi/v1/order": self._order,
            "/fapi/v1/order/test": lambda _asked: {},
            "/fapi/v1/allOpenOrders": self._cancel_all,
            "/fapi/v1/algoOrder": self._cancel_algo,
            "/fapi/v1/accountConfig": lambda _asked: {
                "dualSidePosition": self.venue.hedge, "multiAssetsMargin": False, "canTrade": True},
            "/fapi/v3/account": lambda _asked: dict.fromkeys(_TOTALS, "10000"),
            "/fapi/v3/positionRisk": lambda _asked: [_position(one) for one in self.venue.positions.values()],
            "/fapi/v1/openOrders": lambda _asked: [_row(one) for one in self.venue.orders.values()],
            "/fapi/v1/openAlgoOrders": lambda _asked: [_algo(one) for one in self.venue.algos.values()],
            "/fapi/v1/exchangeInfo": lambda _asked: {"symbols": [_rules(one) for one in self.venue.rules.values()]},
            "/fapi/v1/userTrades": self._trades,
        }  # fmt: skip
        for path, answer in answers.items():
            self.stage.answer(path, self._late(path, answer))

    def _late(self, path: str, answer: Callable[[Asked], Any]) -> Callable[[Asked], Any]:
        async def reply(asked: Asked) -> web.StreamResponse:
            self.arrived.append((self.clock.monotonic(), path))
            await self.clock.pause(self.latency)
            body = answer(asked)
            return await says(*body)(asked) if isinstance(body, tuple) else await says(body)(asked)

        return reply

    def _order(self, asked: Asked) -> Any:
        fields = asked.fields
        if asked.method == "GET":
            found = self.venue.done.get(fields["origClientOrderId"])
            return _row(found) if found else ({"code": -2013, "msg": "Order does not exist."}, 400)
        price = fields.get("price")
        request = OrderRequest(
            fields["newClientOrderId"], fields["symbol"], Side(fields["side"]), Decimal(fields["quantity"]),
            OrderType(fields["type"]), price=Decimal(price) if price else None,
            reduce_only=fields.get("reduceOnly") == "true",
            position_side=PositionSide(fields.get("positionSide", "BOTH")),
        )  # fmt: skip
        return _told(self.venue.place(request), _row)

    def _cancel_all(self, asked: Asked) -> Any:
        return _told(self.venue.cancel(CancelAll(asked.fields["symbol"])), lambda msg: {"code": 200, "msg": msg})

    def _cancel_algo(self, asked: Asked) -> Any:
        reply = self.venue.cancel(CancelAlgo("", int(asked.fields["algoId"])))
        return _told(reply, lambda number: {"algoId": number, "code": "200", "msg": "success"})

    def _trades(self, asked: Asked) -> Any:
        """Every close made at a loss of 25, with 0.05 of commission."""
        closes = [order for order in self.venue.done.values() if order.symbol == asked.fields["symbol"]]
        return [
            {"symbol": one.symbol, "id": one.order_id, "orderId": one.order_id, "side": one.side, "price": "100",
             "qty": str(one.executed), "time": int(asked.fields["endTime"]) - 60_000, "realizedPnl": "-25",
             "commission": "0.05", "commissionAsset": "USDT", "maker": False, "positionSide": one.position_side}
            for one in closes
        ]  # fmt: skip


_TOTALS = ("totalWalletBalance", "totalUnrealizedProfit", "totalMarginBalance", "availableBalance", "totalMaintMargin")


@asynccontextmanager
async def a_venue(venue: Venue, latency: float = 0.0) -> AsyncIterator[VenueServer]:
    async with a_stage() as stage:
        server = VenueServer(stage, venue, latency)
        server.serve()
        yield server


def _told(reply: Reply[Any], body: Callable[[Any], Any]) -> Any:
    match reply:
        case Confirmed(value):
            return body(value)
        case Rejected(code, message):
            return {"code": code, "msg": message}, 400
        case _:
            raise AssertionError(reply)


def _row(order: Order) -> dict[str, Any]:
    return {
        "orderId": order.order_id, "clientOrderId": order.client_id, "symbol": order.symbol, "side": order.side,
        "type": order.type, "status": order.status, "origQty": str(order.quantity), "executedQty": str(order.executed),
        "price": "0", "reduceOnly": order.reduce_only, "closePosition": False, "positionSide": order.position_side,
        "updateTime": 0,
    }  # fmt: skip


def _algo(algo: AlgoOrder) -> dict[str, Any]:
    return {
        "algoId": algo.algo_id, "clientAlgoId": algo.client_id, "symbol": algo.symbol, "side": algo.side,
        "orderType": algo.type, "algoStatus": algo.status, "triggerPrice": str(algo.trigger_price), "quantity": "0",
        "closePosition": algo.close_position, "reduceOnly": algo.reduce_only, "positionSide": algo.position_side,
    }  # fmt: skip


def _position(one: Position) -> dict[str, Any]:
    return {
        "symbol": one.symbol, "positionAmt": str(one.quantity), "entryPrice": str(one.entry_price),
        "markPrice": str(one.mark_price), "positionSide": one.position_side, "unRealizedProfit": "0",
        "liquidationPrice": "0",
    }  # fmt: skip


def _rules(one: SymbolRules) -> dict[str, Any]:
    lot = {"stepSize": str(one.step), "minQty": str(one.min_quantity), "maxQty": str(one.market_max_quantity)}
    return {
        "symbol": one.symbol, "status": "TRADING", "contractType": "PERPETUAL",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": str(one.tick)},
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }  # fmt: skip
