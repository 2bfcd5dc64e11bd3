"""Scenario files: what market to draw, what happens to its prices, and which faults to switch on, and when.

title = "one line that says what it shows"
seed = 7                          # used where no --seed is given
start = 2026-03-02T10:00:00Z      # used where no --start is given

[market]                          # of a synthetic market; a replay keeps its own prices
volatility = 1.0                  # as a multiple of the usual, at most 20
[[market.drift]]
from = "-60d"                     # relative to the start of the plan: "+3:20:00", "-12:00:00", "-2d 6:00:00"
until = "+1d"
strength = 0.3                    # daily standard deviations a day, from -10 to 10
symbols = ["BTCUSDT"]             # left out: all

[[price]]
at = "+3:20:00"                   # or `when`, or both: from `at` on, as soon as `when` holds
when = { positions = 2 }          # at least so many orders | fills | positions, or `exposure` times the equity
kind = "gap"                      # gap | crash | recover | flat | thin | halt
move = -0.08                      # gap and crash: share of the price
for = "0:05:00"                   # all but gap
depth = 0.1                       # thin: share of the usual quantity
symbols = []

[[fault]]
at = "+0:31:00"
for = "0:10:00"
kind = "…"                        # this and every other key is for the faults themselves
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from canary_cli.errors import ConfigurationError
from canary_cli.paper.fault_kinds import BadFault, check
from canary_cli.paper.market import SYMBOLS, Climate, Drift, Shock, ShockKind

SHIPPED = Path(__file__).with_name("scenarios")
WILDEST, STRONGEST = 20, 10  # of volatility and of a drift; prices run out of figures far beyond them
METRICS = ("orders", "fills", "positions", "exposure")
_RELATIVE = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<days>\d{1,4})d)?\s*(?:(?P<hours>\d{1,4}):(?P<minutes>\d\d):(?P<seconds>\d\d))?"
)
_LASTING = (ShockKind.CRASH, ShockKind.RECOVER, ShockKind.FLAT, ShockKind.THIN, ShockKind.HALT)


class ScenarioError(ConfigurationError):
    slug = "scenario"


@dataclass(frozen=True, slots=True)
class When:
    """Holds once `metric` (one of `METRICS`) of the account has reached `at_least`."""

    metric: str
    at_least: float


@dataclass(frozen=True, slots=True)
class PriceEvent:
    """A shock at `at` after the start of the plan, or as soon after it as `when` holds."""

    shock: Shock
    at: timedelta
    when: When | None = None


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault from `at` after the start for `duration` (None: to the end). `options`: all else that its table says."""

    kind: str
    at: timedelta
    duration: timedelta | None
    when: When | None
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RelativeDrift:
    start: timedelta
    end: timedelta
    strength: float
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    title: str
    seed: int
    start: datetime | None = None
    volatility: float = 1.0
    drifts: tuple[RelativeDrift, ...] = ()
    prices: tuple[PriceEvent, ...] = ()
    faults: tuple[FaultEvent, ...] = ()

    def climate(self, start: datetime) -> Climate:
        """What it asks of a synthetic market whose plan starts at `start`."""
        drifts = (Drift(start + d.start, start + d.end, d.strength, d.symbols) for d in self.drifts)
        return Climate(self.volatility, tuple(drifts))

    def shocks(self, start: datetime) -> tuple[Shock, ...]:
        """Those that happen at their time whatever else, for a plan that starts at `start`."""
        return tuple(replace(event.shock, at=start + event.at) for event in self.prices if not event.when)

    @property
    def waiting(self) -> tuple[PriceEvent, ...]:
        """Those that wait for their condition as well; whoever knows the account lets them happen."""
        return tuple(event for event in self.prices if event.when)


def shipped() -> tuple[str, ...]:
    """Names of the scenarios that come with the exchange."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load(name: str) -> Scenario:
    """A shipped scenario by its name, or one from a file that ends in `.toml`. Raises `ScenarioError`."""
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        close = get_close_matches(name, shipped(), 1)
        hint = f"Did you mean {close[0]}?" if close else f"Shipped are: {', '.join(shipped())}; or name a .toml file."
        raise ScenarioError(f"There is no scenario {name!r}.", hint) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"The scenario {path} cannot be read: {error}.", "See docs/paper-exchange.md.") from error
    return _Table(document, f"scenario {path.name}").scenario(path.stem)


class _Table:
    """One table of the file: hands out its keys by type, and refuses what it was not asked for."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values, self._where = dict(values), where

    def scenario(self, name: str) -> Scenario:
        market = _Table(self.take("market", dict, {}), f"{self._where}, [market]")
        scenario = Scenario(
            name,
            self.take("title", str, name),
            self.take("seed", int, 1),
            self.take("start", datetime, None),
            market.number("volatility", 1.0),
            tuple(table.drift() for table in market.tables("drift")),
            tuple(table.price() for table in self.tables("price")),
            tuple(table.fault() for table in self.tables("fault")),
        )
        market.finish()
        self.finish()
        if scenario.start and scenario.start.tzinfo is None:
            self.refuse("start has no time zone: write 2026-03-02T10:00:00Z")
        if not 0 < scenario.volatility <= WILDEST:
            self.refuse(f"volatility must be above 0 and at most {WILDEST}")
        return scenario

    def drift(self) -> RelativeDrift:
        start, end = self.time("from"), self.time("until")
        drift = RelativeDrift(start, end, self.number("strength"), self.symbols())
        if start >= end:
            self.refuse("until must come after from")
        if abs(drift.strength) > STRONGEST:
            self.refuse(f"strength must be from -{STRONGEST} to {STRONGEST}")
        self.finish()
        return drift

    def price(self) -> PriceEvent:
        kind = self.take("kind", str)
        if kind not in list(ShockKind):
            self.refuse(f"kind {kind!r} is none of {', '.join(ShockKind)}")
        duration = self.time("for", "0:00:00") if kind in _LASTING else timedelta(0)
        moves = kind in (ShockKind.GAP, ShockKind.CRASH)
        move = self.number("move") if moves else 0.0
        depth = self.number("depth") if kind == ShockKind.THIN else 0.1
        try:
            shock = Shock(ShockKind(kind), None, duration, self.symbols(), move, depth)
        except ValueError as bad:
            self.refuse(str(bad))
        event = PriceEvent(shock, self.time("at", "+0:00:00"), self.when())
        self.finish()
        return event

    def fault(self) -> FaultEvent:
        duration = self.time("for") if "for" in self._values else None
        kind, start, when = self.take("kind", str), self.time("at", "+0:00:00"), self.when()
        try:
            check(kind, self._values)
        except BadFault as bad:
            self.refuse(str(bad))
        return FaultEvent(kind, start, duration, when, self._values)

    def when(self) -> When | None:
        condition = self.take("when", dict, None)
        if condition is None:
            return None
        if len(condition) != 1 or next(iter(condition)) not in METRICS:
            self.refuse(f"when names one of {', '.join(METRICS)}")
        metric, least = next(iter(condition.items()))
        return When(metric, _Table({metric: least}, self._where).number(metric))

    def symbols(self) -> tuple[str, ...]:
        named = tuple(str(symbol) for symbol in self.take("symbols", list, []))
        unknown = [symbol for symbol in named if symbol not in SYMBOLS]
        if unknown:
            self.refuse(f"symbols names {unknown[0]}, which is no pair of the exchange")
        return named

    def tables(self, key: str) -> Sequence["_Table"]:
        rows = self.take(key, list, [])
        if not all(isinstance(row, dict) for row in rows):
            self.refuse(f"{key} is a list of tables: write [[{key}]]")
        return [_Table(row, f"{self._where}, {key} {number}") for number, row in enumerate(rows, 1)]

    def number(self, key: str, *default: float) -> float:
        value = float(self.take(key, (int, float), *default))
        if not isfinite(value):
            self.refuse(f"{key} is {value}, which is no number")
        return value

    def time(self, key: str, default: str | None = None) -> timedelta:
        text = self.take(key, str, default)
        match = _RELATIVE.fullmatch(text)
        if not match or not (match["days"] or match["hours"]):
            self.refuse(f"{key} {text!r} is no time such as +3:20:00 or -60d")
        parts = {name: int(match[name] or 0) for name in ("days", "hours", "minutes", "seconds")}
        return timedelta(**parts) * (-1 if match["sign"] == "-" else 1)

    def take(self, key: str, kind: type | tuple[type, ...], *default: Any) -> Any:
        if key not in self._values:
            if not default or (default == (None,) and kind is str):
                self.refuse(f"{key} is missing")
            return default[0]
        value = self._values.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(f"{key} is {value!r}, which is of another type than it should be")
        return value

    def finish(self) -> None:
        if self._values:
            self.refuse(f"unknown key {next(iter(self._values))!r}")

    def refuse(self, why: str) -> NoReturn:
        raise ScenarioError(f"{self._where}: {why}.", "The format is in docs/paper-exchange.md.")
