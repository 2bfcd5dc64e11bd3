"""Several orders in one request: status 200, and a list of replies and refusals, each in its place."""

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from canary_cli.paper import problems
from canary_cli.paper.params import Params
from canary_cli.paper.rest.endpoint import Call, endpoint
from canary_cli.paper.rest.orders import amend, cancel, place
from canary_cli.paper.security import Security
from canary_cli.paper.shapes import Json

TRADE = Security.TRADE
LARGEST_BATCH, LARGEST_CANCEL = 5, 10


@endpoint("POST", "/fapi/v1/batchOrders", TRADE, 5, (5, 1))
def post_batch(call: Call) -> list[Json]:
    rows = _rows(call, LARGEST_BATCH)
    return [_answer(partial(place, call, one)) for one in rows]


@endpoint("PUT", "/fapi/v1/batchOrders", TRADE, 5, (5, 1))
def put_batch(call: Call) -> list[Json]:
    rows = _rows(call, LARGEST_BATCH)
    return [_answer(partial(amend, call, one)) for one in rows]


def _rows(call: Call, most: int) -> list[Params]:
    rows = _json_list(call.params.need("batchOrders"), "batchOrders")
    if not 1 <= len(rows) <= most:
        raise problems.bad_batch_size()
    if not all(isinstance(row, dict) for row in rows):
        raise problems.bad_data("batchOrders")
    return [Params({name: _text(value) for name, value in row.items()}) for row in rows]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _json_list(text: str, name: str) -> list[Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise problems.bad_data(name) from None
    if not isinstance(found, list):
        raise problems.bad_data(name)
    return found


def _answer(deed: Callable[[], Json]) -> Json:
    """One element's reply, or its refusal: a batch is mixed and its status is 200."""
    try:
        return deed()
    except problems.Problem as problem:
        return dict(problem.body)


@endpoint("DELETE", "/fapi/v1/batchOrders", TRADE)
def delete_batch(call: Call) -> list[Json]:
    symbol, params = call.symbol(), call.params
    ids = params.get("orderIdList") or params.get("orderidlist")
    clients = params.get("origClientOrderIdList") or params.get("origclientorderidlist")
    if ids is None and clients is None:
        raise problems.missing("orderIdList")
    rows = _json_list(ids or clients or "", "orderIdList")
    if not 1 <= len(rows) <= LARGEST_CANCEL:
        raise problems.bad_batch_size()
    name = "orderId" if ids else "origClientOrderId"
    each = [Params({"symbol": symbol, name: str(row)}) for row in rows]
    return [_answer(partial(cancel, call, one)) for one in each]
