"""The user data stream: what each event of the engine looks like on the wire (`E`, `T` are plan time)."""

from collections.abc import Iterable
from typing import Any

from canary_cli.core.model import OrderType
from canary_cli.paper.algo import LIMITS
from canary_cli.paper.orders import (
    AccountChange,
    ConditionalChange,
    ConfigChange,
    Event,
    MarginCall,
    OrderChange,
    PositionView,
)
from canary_cli.paper.shapes import ms, plain, wallet

Payload = dict[str, Any]


def payloads(event: Event) -> Iterable[Payload]:
    """One event of the engine as the messages a client gets, in order."""
    match event:
        case OrderChange(trade=trade) if trade is not None:
            yield trade_lite(event)
            yield order_trade_update(event)
        case OrderChange():
            yield order_trade_update(event)
        case AccountChange():
            yield account_update(event)
        case ConditionalChange():
            yield algo_update(event)
        case ConfigChange():
            yield account_config_update(event)
        case MarginCall():
            yield margin_call(event)


def trade_lite(event: OrderChange) -> Payload:
    order, trade = event.order, event.trade
    assert trade is not None
    return {
        "e": "TRADE_LITE",
        "E": ms(event.time),
        "T": ms(event.time),
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": trade.maker,
        "c": order.client_id,
        "S": order.side.value,
        "L": plain(trade.price),
        "l": plain(trade.quantity),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def order_trade_update(event: OrderChange) -> Payload:
    order, trade = event.order, event.trade
    body: Payload = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side.value,
        "o": order.type.value,
        "f": order.time_in_force.value,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average_price),
        "sp": plain(order.trigger_price),
        "x": event.execution,
        "X": order.status.value,
        "i": order.order_id,
        "l": plain(trade.quantity) if trade else "0",
        "z": plain(order.executed),
        "L": plain(trade.price) if trade else "0",
        "n": wallet(trade.commission) if trade else "0",
        "N": trade.commission_asset if trade else "USDT",
        "T": ms(event.time),
        "t": trade.trade_id if trade else 0,
        "b": plain(event.bid_notional),
        "a": plain(event.ask_notional),
        "m": bool(trade and trade.maker),
        "R": order.reduce_only,
        "wt": order.working_type.value,
        "ot": order.original_type.value,
        "ps": order.position_side.value,
        "cp": order.close_position,
        "rp": wallet(trade.realized) if trade else "0",
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.self_trade.value,
        "pm": order.price_match,
        "gtd": ms(order.good_till),
        "er": event.expiry.value,
    }
    if order.original_type is OrderType.TRAILING_STOP_MARKET:
        body |= {"AP": plain(order.activate_price), "cr": plain(order.callback_rate)}
    return {"e": "ORDER_TRADE_UPDATE", "T": ms(event.time), "E": ms(event.time), "o": body}


def account_update(event: AccountChange) -> Payload:
    balances = [
        {"a": one.asset, "wb": wallet(one.wallet), "cw": wallet(one.cross_wallet), "bc": plain(one.change)}
        for one in event.balances
    ]
    account: Payload = {"m": event.reason, "B": balances, "P": [_position(view) for view in event.positions]}
    if event.symbol:
        account["S"] = event.symbol
    return {"e": "ACCOUNT_UPDATE", "T": ms(event.time), "E": ms(event.time), "a": account}


def _position(view: PositionView) -> Payload:
    return {
        "s": view.symbol,
        "pa": plain(view.quantity),
        "ep": plain(view.entry_price),
        "bep": plain(view.break_even),
        "cr": plain(view.realized_total),
        "up": wallet(view.unrealized),
        "mt": "isolated" if view.isolated else "cross",
        "iw": plain(view.isolated_wallet),
        "ps": view.side.value,
    }


def algo_update(event: ConditionalChange) -> Payload:
    one, actual = event.conditional, event.actual
    body: Payload = {
        "caid": one.client_id,
        "aid": one.algo_id,
        "at": "CONDITIONAL",
        "o": one.type.value,
        "s": one.symbol,
        "S": one.side.value,
        "ps": one.position_side.value,
        "f": "GTE_GTC" if one.with_position else one.time_in_force.value,
        "q": plain(one.quantity),
        "X": event.status.value,
        "ai": str(one.order_id) if one.order_id else "",
        "ap": plain(actual.average_price) if actual else "0",
        "aq": plain(actual.executed) if actual else "0",
        "act": ("LIMIT" if one.type in LIMITS else "MARKET") if one.order_id else "0",
        "tp": plain(one.trigger_price),
        "p": plain(one.price),
        "V": one.self_trade.value,
        "wt": one.working_type.value,
        "pm": one.price_match,
        "cp": one.close_position,
        "pP": one.price_protect,
        "R": one.reduce_only,
        "tt": ms(one.triggered),
        "gtd": ms(one.good_till),
        "rm": one.reason,
        "ia": event.activated,
    }
    return {"e": "ALGO_UPDATE", "T": ms(event.time), "E": ms(event.time), "o": body}


def account_config_update(event: ConfigChange) -> Payload:
    change: Payload = {"e": "ACCOUNT_CONFIG_UPDATE", "E": ms(event.time), "T": ms(event.time)}
    if event.multi_assets is not None:
        return change | {"ai": {"j": event.multi_assets}}
    return change | {"ac": {"s": event.symbol, "l": event.leverage}}


def margin_call(event: MarginCall) -> Payload:
    rows = [
        {
            "s": view.symbol,
            "ps": view.side.value,
            "pa": plain(view.quantity),
            "mt": "ISOLATED" if view.isolated else "CROSSED",
            "iw": plain(view.isolated_wallet),
            "mp": wallet(mark),
            "up": wallet(view.unrealized),
            "mm": wallet(kept),
        }
        for view, mark, kept in event.positions
    ]
    return {"e": "MARGIN_CALL", "E": ms(event.time), "cw": wallet(event.cross_wallet), "p": rows}
