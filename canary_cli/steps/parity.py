"""Whether a run's recorded decisions, taken and refused, are those of the batch engine on the same candles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from canary_cli.bootstrap import World
from canary_cli.core.model import Candle, Frame, SymbolRules
from canary_cli.core.signals import Evaluation, Mismatch, SignalSettings, from_record, parity
from canary_cli.core.signals.replay import earliest_origins, replay, settings_of
from canary_cli.errors import Refused
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry

DECISIONS = ("signal", "signal_refused")
PAGE = 1000


class Market(Protocol):
    """The part of an exchange that is asked."""

    async def rules(self) -> dict[str, SymbolRules]: ...

    async def candles(
        self, symbol: str, frame: Frame, limit: int, end: datetime | None = None
    ) -> tuple[Candle, ...]: ...


@dataclass(frozen=True, slots=True)
class Parity:
    compared: int
    mismatches: tuple[Mismatch, ...]


async def compare_run(world: World, run_id: str) -> Parity:
    """The whole record of a run, against the candles its exchange has."""
    async with world:
        await world.exchange.connect()
        return await check_parity(world.exchange, read(world.account.log_dir, run_id=run_id), SignalSettings())


async def check_parity(market: Market, entries: Iterable[Entry], settings: SignalSettings) -> Parity:
    """Compare each pair and phase of the journal's entries; those of other events are passed over.

    Raises ExchangeUnreachable where candles cannot be read, Refused where a recorded decision cannot.
    """
    decisions = sorted((entry for entry in entries if entry.event in DECISIONS), key=_pair_and_phase)
    rules = await market.rules() if decisions else {}
    mismatches: list[Mismatch] = []
    for (pair, _), part in groupby(decisions, key=_pair_and_phase):
        recorded = [_evaluation(entry) for entry in part]
        candles = await _history(market, pair, recorded)
        tick = rules[pair].tick if pair in rules else Decimal(0)
        mismatches += parity(recorded, replay(recorded, tick, candles, settings_of(recorded, settings)))
    return Parity(len(decisions), tuple(mismatches))


def _pair_and_phase(entry: Entry) -> tuple[str, int]:
    return entry.pair, entry.phase or 0


def _evaluation(entry: Entry) -> Evaluation:
    try:
        return from_record(entry.data)
    except (KeyError, TypeError, ValueError) as error:
        message = f"line {entry.seq} of the journal: {entry.event} of {entry.pair} is no decision: {error!r}"
        raise Refused(message, "compare with the version of canary that wrote it") from None


async def _history(market: Market, pair: str, recorded: list[Evaluation]) -> Mapping[Frame, list[Candle]]:
    end = max(evaluation.time for evaluation in recorded)
    return {
        frame: await _since(market, pair, frame, origin, end) for frame, origin in earliest_origins(recorded).items()
    }


async def _since(market: Market, pair: str, frame: Frame, origin: datetime, end: datetime) -> list[Candle]:
    """Candles from `origin` to those closed by `end`, read backwards a page at a time."""
    found: list[Candle] = []
    before = end
    while before > origin:
        page = await market.candles(pair, frame, PAGE, before - timedelta(milliseconds=1))
        fresh = [candle for candle in page if origin <= candle.open_time < before and candle.close_time <= end]
        found = [*fresh, *found]
        if not page or page[0].open_time >= before:
            break
        before = page[0].open_time
    return found
