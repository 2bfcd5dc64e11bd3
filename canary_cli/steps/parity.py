"""Whether recorded decisions, taken and refused, are those of the batch engine on the exchange's own candles."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, product
from typing import Protocol

from canary_cli.bootstrap import World
from canary_cli.core.model import Candle, Frame, SymbolRules
from canary_cli.core.signals import Evaluation, Mismatch, SignalSettings, from_record, parity
from canary_cli.core.signals.replay import earliest_origins, replay, settings_of
from canary_cli.errors import ExitCode, Refused, Result
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry

DECISIONS = ("signal", "signal_refused")
PAGE = 999
SETTLING = timedelta(seconds=15)
"""A bar that closed this shortly before a window ends need not have been judged yet."""


class Candles(Protocol):
    """The part of an exchange that is asked: the newest `limit` candles closed by `end`, oldest first."""

    async def candles(
        self, symbol: str, frame: Frame, limit: int, end: datetime | None = None
    ) -> tuple[Candle, ...]: ...


class Market(Candles, Protocol):
    async def rules(self) -> dict[str, SymbolRules]: ...


@dataclass(frozen=True, slots=True)
class Parity:
    compared: int
    mismatches: tuple[Mismatch, ...]


def result(found: Parity) -> Result:
    """Nothing compared is nothing proven."""
    if not found.compared:
        return Result("NOTHING_RECORDED", ExitCode.HUMAN_NEEDED)
    return Result("MISMATCH", ExitCode.NO_GO) if found.mismatches else Result("PARITY")


async def compare_run(world: World, run_id: str) -> Parity:
    """The whole record of a run, against the candles its exchange has."""
    async with world:
        await world.exchange.connect()
        return await compare_entries(world.exchange, read(world.account.log_dir, run_id=run_id), SignalSettings())


async def compare_entries(market: Market, entries: Iterable[Entry], settings: SignalSettings) -> Parity:
    """Compare each pair and phase of the journal's entries; those of other events are passed over.

    Raises ExchangeUnreachable where candles cannot be read, Refused where a recorded decision cannot.
    """
    decisions = sorted((entry for entry in entries if entry.event in DECISIONS), key=_pair_and_phase)
    rules = await market.rules() if decisions else {}
    mismatches: list[Mismatch] = []
    for (pair, _), part in groupby(decisions, key=_pair_and_phase):
        tick = rules[pair].tick if pair in rules else Decimal(0)
        mismatches += await _compare(market, tick, [_evaluation(entry) for entry in part], settings)
    return Parity(len(decisions), tuple(mismatches))


async def check(
    market: Candles,
    ticks: Mapping[str, Decimal],
    decided: Sequence[Evaluation],
    window: tuple[datetime, datetime],
    settings: SignalSettings,
) -> tuple[Mismatch, ...]:
    """Compare what was decided in the pairs of `ticks`, and ask for every bar that closed in the window.

    The window excludes its start and includes its end. Raises ExchangeUnreachable where candles cannot be read.
    """
    found: list[Mismatch] = []
    due = closes(settings.decision_frame, window[0], window[1] - SETTLING)
    for symbol, tick in ticks.items():
        recorded = [one for one in decided if one.symbol == symbol]
        known = {one.time for one in recorded}
        found += [one for one in await _compare(market, tick, recorded, settings) if one.field != "missing"]
        found += [Mismatch(symbol, time, "missing") for time in due if time not in known]
    return tuple(found)


def closes(frame: Frame, began: datetime, ended: datetime) -> list[datetime]:
    """When the frame's bars closed, after `began` and by `ended`."""
    first = frame.floor(began) + frame.duration
    return [first + number * frame.duration for number in range((ended - first) // frame.duration + 1)]


def coverage(
    decided: Iterable[Evaluation], wanted: Iterable[str], window: tuple[datetime, datetime]
) -> tuple[int, int]:
    """How many of the wanted pairs' bars were judged, and of how many; one that closed just now is not missed."""
    due = closes(SignalSettings().decision_frame, window[0], window[1] - SETTLING)
    judged = {(one.symbol, one.time) for one in decided}
    return len(judged), len(judged | set(product(wanted, due)))


async def _compare(
    market: Candles, tick: Decimal, recorded: list[Evaluation], settings: SignalSettings
) -> tuple[Mismatch, ...]:
    if not recorded:
        return ()
    end = max(evaluation.time for evaluation in recorded)
    origins = earliest_origins(recorded)
    symbol = recorded[0].symbol
    candles = {frame: await _since(market, symbol, frame, origin, end) for frame, origin in origins.items()}
    return await asyncio.to_thread(_replayed, recorded, tick, candles, settings)


def _replayed(
    recorded: list[Evaluation], tick: Decimal, candles: Mapping[Frame, Sequence[Candle]], settings: SignalSettings
) -> tuple[Mismatch, ...]:
    """In a thread: months of bars are replayed, and a session beside must hear its marks meanwhile."""
    return parity(recorded, replay(recorded, tick, candles, settings_of(recorded, settings)))


async def _since(market: Candles, symbol: str, frame: Frame, origin: datetime, end: datetime) -> list[Candle]:
    """Candles from `origin` to those closed by `end`, read backwards a page at a time."""
    found: list[Candle] = []
    closed_by = end
    while closed_by > origin:
        page = await market.candles(symbol, frame, PAGE, closed_by)
        found = [*page, *found]
        if not page or page[0].open_time >= closed_by:
            break
        closed_by = page[0].open_time
    return [candle for candle in found if candle.open_time >= origin]


def _pair_and_phase(entry: Entry) -> tuple[str, int]:
    return entry.pair, entry.phase or 0


def _evaluation(entry: Entry) -> Evaluation:
    try:
        return from_record(entry.data)
    except (KeyError, TypeError, ValueError) as error:
        message = f"line {entry.seq} of the journal: {entry.event} of {entry.pair} is no decision: {error!r}"
        raise Refused(message, "compare with the version of canary that wrote it") from None
