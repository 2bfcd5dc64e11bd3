"""The kinds of fault there are, the options of each, and what may stand in them. In words: docs/paper-exchange.md."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from canary_cli.core.model import SymbolRules
from canary_cli.paper import problems
from canary_cli.paper.market.pairs import SYMBOLS
from canary_cli.paper.problems import Problem

TARGETS = {
    "orders": r"^POST /fapi/v1/(order|algoOrder|batchOrders)$",
    "cancels": r"^DELETE ",
    "reads": r"^GET ",
    "all": r"",
}
WORDINGS = {
    "unknown": Problem(-1000, "Unknown error, please check your request or try again later.", 503),
    "unavailable": Problem(-1001, "Service Unavailable.", 503),
    "internal": Problem(-1001, "Internal error; unable to process your request. Please try again.", 503),
    "throttled": problems.overloaded(),
    "timeout": problems.backend_timeout(),
}
STATUSES = (
    "TRADING", "PENDING_TRADING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "PRE_SETTLE", "SETTLING", "CLOSE",
    "TRADING_HALT", "TRADING_CANCEL_ONLY",
)  # fmt: skip
FILTERS = {one.name for one in fields(SymbolRules) if isinstance(one.type, type) and issubclass(one.type, Decimal)}

_WHERE = ("on", "symbols", "first", "probability")
_ANSWER = ("code", "msg", "status", "wording", "reduce_only", *_WHERE)
REQUEST_KINDS: Mapping[str, tuple[str, ...]] = {
    "reject": _ANSWER,
    "error": _ANSWER,
    "unknown": ("code", *_WHERE),
    "lost_reply": _WHERE,
    "ack_only": _WHERE,
    "drop": ("reduce_only", *_WHERE),
    "outage": ("reduce_only", *_WHERE),
    "latency": ("milliseconds", "to_milliseconds", "spread", *_WHERE),
    "throttle": _WHERE,
    "rate_limit": ("retry_after", *_WHERE),
    "ban": ("seconds", *_WHERE),
}
STREAM_KINDS: Mapping[str, tuple[str, ...]] = {
    "silence": _WHERE,
    "listen_key_expiry": ("on",),
    "half_open": ("on",),
    "close": ("on", "close_code"),
    "burst": ("count", *_WHERE),
    "duplicate": ("count", *_WHERE),
    "reorder": ("count", *_WHERE),
    "gap": _WHERE,
}
WORLD_KINDS: Mapping[str, tuple[str, ...]] = {
    "clock_skew": ("milliseconds",),
    "lock": (),
    "status": ("symbols", "value"),
    "filters": ("symbols", "filters"),
    "ws_api_401": ("first", "probability"),
}
KINDS: Mapping[str, tuple[str, ...]] = {**REQUEST_KINDS, **STREAM_KINDS, **WORLD_KINDS}
_NEEDED = {"status": "value", "filters": "filters", "latency": "milliseconds", "clock_skew": "milliseconds"}


class BadFault(ValueError):
    """A fault that cannot be: the message says why."""


def check(kind: str, options: Mapping[str, Any]) -> re.Pattern[str]:
    """What the fault strikes. Raises `BadFault` for a kind, an option or a value that means nothing."""
    if kind not in KINDS:
        raise BadFault(f"kind {kind!r} is none of {', '.join(KINDS)}")
    for name, value in options.items():
        if name not in KINDS[kind]:
            raise BadFault(f"fault {kind}: unknown key {name!r}; it knows {', '.join(KINDS[kind]) or 'none'}")
        wanted, holds = _OPTIONS[name]
        if not holds(value) and not (kind == "clock_skew" and name == "milliseconds" and _is_number(value)):
            raise BadFault(f"fault {kind}: {name} is {value!r}, not {wanted}")
    if kind in _NEEDED and _NEEDED[kind] not in options:
        raise BadFault(f"fault {kind}: {_NEEDED[kind]} is missing")
    target = options.get("on", "orders" if kind == "reject" else "all")
    return re.compile(TARGETS.get(target, target))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_from(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: _is_number(value) and least <= value <= most


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (TypeError, re.error):
        return False
    return isinstance(value, str)


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(one in SYMBOLS for one in value)


def _are_filters(value: Any) -> bool:
    """Names of `SymbolRules` with figures above zero."""
    try:
        return bool(value) and all(name in FILTERS and Decimal(str(one)) > 0 for name, one in value.items())
    except (AttributeError, InvalidOperation):
        return False


_LONGEST = 86_400_000  # milliseconds
_OPTIONS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "on": (f"one of {', '.join(TARGETS)}, or a regular expression", _is_pattern),
    "symbols": ("a list of pairs of the exchange", _are_pairs),
    "first": ("a whole number from 1", _is_whole(1, 10**9)),
    "probability": ("from 0 to 1", _is_from(0, 1)),
    "reduce_only": ("true or false", lambda value: isinstance(value, bool)),
    "code": ("a whole number", _is_whole(-(10**6), 10**6)),
    "msg": ("text", lambda value: isinstance(value, str)),
    "status": ("an HTTP status from 400 to 599", _is_whole(400, 599)),
    "wording": (f"one of {', '.join(WORDINGS)}", lambda value: value in tuple(WORDINGS)),
    "milliseconds": ("from 0 to a day", _is_from(0, _LONGEST)),
    "to_milliseconds": ("from 0 to a day", _is_from(0, _LONGEST)),
    "spread": ("from 0 to 5", _is_from(0, 5)),
    "retry_after": ("whole seconds", _is_whole(0, 10**6)),
    "seconds": ("from 0 to 259200, which are three days", _is_from(0, 259_200)),
    "close_code": ("from 1000 to 4999", _is_whole(1000, 4999)),
    "count": ("a whole number from 1 to 10000", _is_whole(1, 10_000)),
    "value": (f"one of {', '.join(STATUSES)}", lambda value: value in STATUSES),
    "filters": (f"figures above 0 for some of {', '.join(sorted(FILTERS))}", _are_filters),
}
