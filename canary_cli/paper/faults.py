"""Everything that can go wrong on the wire, switched on by a scenario or at run time, drawn from a seeded generator.

A fault strikes REST and WebSocket API requests or the streams, for a while of plan time, the first n times, or with a
probability. What there is: `fault_kinds`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

from canary_cli.paper import problems
from canary_cli.paper.fault_kinds import WORDINGS, check
from canary_cli.paper.problems import Problem


@dataclass(slots=True)
class Fault:
    """`pattern` is searched for in `METHOD path` (requests) or in a stream's name."""

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


class Faults:
    """The faults that are or will be on. The same seed and requests meet the same faults."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._ids = count(1)
        self._all: dict[int, Fault] = {}

    def add(
        self, kind: str, options: Mapping[str, Any], begins: datetime | None = None, ends: datetime | None = None
    ) -> Fault:
        """Raises `BadFault`."""
        pattern = check(kind, options)
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

    def strike(self, now: datetime, target: str, symbol: str, *kinds: str, calm: bool = False) -> Fault | None:
        """The first fault of the kinds that hits `target` now, which counts it. `calm`: cancels and reductions."""
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
        return WORDINGS[options["wording"]]
    if fault.kind == "reject":
        return Problem(
            int(options.get("code", -2010)), str(options.get("msg", "Order was rejected.")), _status(options)
        )
    if fault.kind == "unknown":
        return problems.backend_timeout() if int(options.get("code", 0)) == -1007 else WORDINGS["unknown"]
    return Problem(int(options.get("code", -1000)), str(options.get("msg", WORDINGS["unknown"].text)), _status(options))


def _status(options: Mapping[str, Any]) -> int:
    return int(options.get("status", 400))
