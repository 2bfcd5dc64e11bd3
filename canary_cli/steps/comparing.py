"""A run puts its decisions to the batch engine, at gates and once an hour: what it decides must be the strategy."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from canary_cli.core.codec import encode
from canary_cli.core.signals import Evaluation, Mismatch, SignalSettings, from_record
from canary_cli.core.trading.inputs import Compared
from canary_cli.errors import CanaryError
from canary_cli.journal.record import Record
from canary_cli.steps import parity
from canary_cli.steps.run import DECISIONS, Run

EVERY = timedelta(hours=1)

LATE = 5.0
"""Wall seconds that the bars which closed with the hour get to be judged: the feed may have to ask REST."""

BETWEEN = 1.0
"""Wall seconds between two pairs: their candles cost request weight, and nothing waits for the answer."""


async def mismatches(
    run: Run, wanted: Collection[str], decided: Sequence[Evaluation], window: tuple[datetime, datetime]
) -> tuple[Mismatch, ...] | None:
    """Every difference, each into the journal; None where the candles could not be read: unmeasured, not equal."""
    ticks = {symbol: run.session.state.setup.rules[symbol].tick for symbol in wanted}
    try:
        found = await parity.check(run.world.exchange, ticks, decided, window, SignalSettings())
    except CanaryError as error:
        with suppress(OSError):
            run.scribe.write("error", data={"where": "parity", "message": error.message}, reason=error.message)
        return None
    with suppress(OSError):
        for one in found:
            run.scribe.write("parity_mismatch", data=encode(one), pair=one.symbol, reason=one.field)
    return found


class Comparing:
    """Listens to a run. The hours of a phase count from its beginning, or from the start of this process."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._began: datetime | None = None
        self._decided: list[Evaluation] = []
        run.scribe.heard.append(self.on_record)

    def on_record(self, record: Record) -> None:
        if record.event == "phase_entered":
            self._began = self._run.now
            self._decided.clear()
        elif record.event in DECISIONS:
            self._decided.append(from_record(record.data))

    async def forever(self) -> None:
        while True:
            await self._run.world.clock.pause(LATE)
            if self._run.has_session and self._run.session.state.phase is not None:
                await self.look()

    async def look(self) -> None:
        """Compare the hour that is over, if one is."""
        began = self._began = self._began or self._run.now
        ended = began + EVERY
        if self._run.now < ended:
            return
        await self._run.world.clock.pause(LATE)
        pairs = self._run.session.state.pairs
        decided = [one for one in self._decided if began < one.time <= ended and one.symbol in pairs]
        differing = await self._differing(pairs, decided, (began, ended + parity.SETTLING))
        if self._began != began:
            return  # another phase began meanwhile, and its hours with it
        self._began, self._decided = ended, [one for one in self._decided if one.time > ended]
        self._run.session.post(Compared(self._run.now, len(decided), differing))

    async def _differing(
        self, pairs: tuple[str, ...], decided: list[Evaluation], window: tuple[datetime, datetime]
    ) -> int | None:
        """Bars that were not judged, or not as the batch engine judges them; None where candles cannot be read."""
        bars = set()
        for pair in pairs:
            found = await mismatches(self._run, (pair,), [one for one in decided if one.symbol == pair], window)
            if found is None:
                return None
            bars |= {(one.symbol, one.time) for one in found}
            await self._run.world.clock.pause(BETWEEN)
        return len(bars)
