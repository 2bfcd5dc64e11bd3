"""Everything that can go wrong on the wire, switched on by a scenario or at run time, drawn from a seeded generator.

A fault strikes REST and WebSocket API requests or the streams, for a while of plan time, the first n times, or with a
probability. Kinds and options: docs/paper-exchange.md.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

from canary_cli.paper import problems
from canary_cli.paper.problems import Problem

REQUEST_KINDS = (
    "reject",
    "latency",
    "lost_reply",
    "drop",
    "error",
    "unknown",
    "throttle",
    "rate_limit",
    "ban",
    "outage",
    "ack_only",
)
STREAM_KINDS = ("silence", "half_open", "close", "burst", "duplicate", "reorder", "gap")
WORLD_KINDS = ("listen_key_expiry", "clock_skew", "lock", "status", "filters", "ws_api_401")
KINDS = (*REQUEST_KINDS, *STREAM_KINDS, *WORLD_KINDS)

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


class BadFault(ValueError):
    """A fault that cannot be: the message says why."""


@dataclass(slots=True)
class Fault:
    """`on` is a name of `TARGETS` or a regular expression over `METHOD path` (requests) or a stream's name."""

    id: int
    kind: str
    options: Mapping[str, Any]
    begins: datetime | None = None
    ends: datetime | None = None
    struck: int = 0
    pattern: re.Pattern[str] = field(default=re.compile(""))

    def is_on(self, now: datetime) -> bool:
        first = self.options.get("first")
        return (
            (self.begins is None or now >= self.begins)
            and (self.ends is None or now < self.ends)
            and (first is None or self.struck < first)
        )

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            **self.options,
            "begins": self.begins.isoformat() if self.begins else None,
            "ends": self.ends.isoformat() if self.ends else None,
            "struck": self.struck,
        }


_OPTIONS = {
    "code", "msg", "status", "probability", "first", "on", "symbols", "milliseconds", "to_milliseconds", "spread",
    "wording", "close_code", "count", "seconds", "retry_after", "filters", "reduce_only", "value",
}  # fmt: skip


class Faults:
    """The faults that are or will be on. The same seed and requests meet the same faults."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._ids = count(1)
        self._all: dict[int, Fault] = {}

    def add(
        self, kind: str, options: Mapping[str, Any], begins: datetime | None = None, ends: datetime | None = None
    ) -> Fault:
        if kind not in KINDS:
            raise BadFault(f"kind {kind!r} is none of {', '.join(KINDS)}")
        unknown = set(options) - _OPTIONS
        if unknown:
            raise BadFault(f"fault {kind}: unknown key {min(unknown)!r}")
        needed = {"status": "value", "filters": "filters"}.get(kind)
        if needed is not None and needed not in options:
            raise BadFault(f"fault {kind}: {needed} is missing")
        default = "orders" if kind == "reject" else "all"
        target = str(options.get("on", default))
        try:
            pattern = re.compile(TARGETS.get(target, target))
        except re.error as error:
            raise BadFault(f"fault {kind}: on {target!r} is no regular expression: {error}") from None
        fault = Fault(next(self._ids), kind, dict(options), begins, ends, pattern=pattern)
        self._all[fault.id] = fault
        return fault

    def remove(self, fault_id: int | None = None) -> int:
        """One, or all; returns how many there were."""
        gone = [fault_id] if fault_id in self._all else []
        if fault_id is None:
            gone = list(self._all)
        for one in gone:
            del self._all[one]
        return len(gone)

    def all(self) -> list[Fault]:
        return list(self._all.values())

    def on(self, now: datetime, *kinds: str) -> Iterator[Fault]:
        """Those of the kinds that are on, whatever they strike."""
        return (fault for fault in list(self._all.values()) if fault.kind in kinds and fault.is_on(now))

    def of(self, *kinds: str) -> list[Fault]:
        return [fault for fault in self._all.values() if fault.kind in kinds]

    def strike(self, now: datetime, target: str, symbol: str, *kinds: str, calm: bool = False) -> Fault | None:
        """The first fault of the kinds that hits `target` now, which counts it. `calm`: what reduces is exempt."""
        if not self._all:
            return None
        for fault in self.on(now, *kinds):
            wanted = fault.options.get("symbols")
            exempt = calm and (_wording(fault) == "throttled" or fault.options.get("reduce_only") is False)
            if exempt or (wanted and symbol not in wanted) or not fault.pattern.search(target):
                continue
            if self._rng.random() < float(fault.options.get("probability", 1.0)):
                fault.struck += 1
                return fault
        return None

    def delay(self, fault: Fault) -> float:
        """Seconds of wall time: fixed, uniform up to `to_milliseconds`, or log-normal with `spread`."""
        least = float(fault.options.get("milliseconds", 0))
        most = fault.options.get("to_milliseconds")
        if most is not None:
            return self._rng.uniform(least, float(most)) / 1000
        spread = float(fault.options.get("spread", 0))
        return least * (self._rng.lognormvariate(0, spread) if spread else 1.0) / 1000


def _wording(fault: Fault) -> str:
    return "throttled" if fault.kind == "throttle" else str(fault.options.get("wording", ""))


def problem_of(fault: Fault) -> Problem:
    """What a request is told that this fault strikes."""
    options = fault.options
    if fault.kind == "throttle":
        return problems.overloaded()
    if fault.kind == "rate_limit":
        return problems.too_many_requests(2400, int(options.get("retry_after", 30)))
    if "wording" in options:
        return WORDINGS.get(str(options["wording"]), WORDINGS["unknown"])
    if fault.kind == "reject":
        return Problem(
            int(options.get("code", -2010)), str(options.get("msg", "Order was rejected.")), _status(options)
        )
    if fault.kind == "unknown":
        return problems.backend_timeout() if int(options.get("code", 0)) == -1007 else WORDINGS["unknown"]
    return Problem(int(options.get("code", -1000)), str(options.get("msg", WORDINGS["unknown"].text)), _status(options))


def _status(options: Mapping[str, Any]) -> int:
    return int(options.get("status", 400))
