"""Smart-money structure as a forward state machine: one closed bar in, what is known at its close out.

Nothing it has said is ever changed by a later bar. Inside a bar the order is: confirm pivots, break of structure,
sweep, order blocks, fair value gaps, votes. A run of bars has no gap; after a gap a new machine starts.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from canary_cli.core.signals.model import (
    BlockState,
    Break,
    FairValueGap,
    OrderBlock,
    Structure,
    StructureBreak,
    Sweep,
    Swing,
)
from canary_cli.core.signals.settings import SignalSettings

HIGH, LOW = 1, -1


class Row(NamedTuple):
    """A bar as the machine keeps it. `heavy`: its volume reached the multiple of the average."""

    time: datetime
    open: float
    high: float
    low: float
    close: float
    heavy: bool


@dataclass(frozen=True, slots=True)
class StructureState:
    """All that the machine remembers, oldest first where there are several."""

    bar: int = -1
    rows: tuple[Row, ...] = ()
    swings: tuple[Swing, ...] = ()
    high: Swing | None = None
    low: Swing | None = None
    high_broken: bool = False
    low_broken: bool = False
    last_break: StructureBreak | None = None
    sweep: Sweep | None = None
    blocks: tuple[OrderBlock, ...] = ()
    gaps: tuple[FairValueGap, ...] = ()


class StructureMachine:
    def __init__(self, settings: SignalSettings, state: StructureState | None = None) -> None:
        state = state or StructureState()
        self._settings = settings
        self._bar = state.bar
        depth = max(settings.block_lookback, 2 * settings.swing_bars) + 1
        self._rows = deque(state.rows, depth)
        window = 2 * settings.swing_bars + 1
        self._highs = deque((row.high for row in state.rows), window)
        self._lows = deque((row.low for row in state.rows), window)
        self._swings = state.swings
        self._high, self._low = state.high, state.low
        self._high_broken, self._low_broken = state.high_broken, state.low_broken
        self._last_break, self._sweep = state.last_break, state.sweep
        self._blocks, self._gaps = list(state.blocks), list(state.gaps)
        self._trend = _trend(self._swings)

    def state(self) -> StructureState:
        return StructureState(
            self._bar,
            tuple(self._rows),
            self._swings,
            self._high,
            self._low,
            self._high_broken,
            self._low_broken,
            self._last_break,
            self._sweep,
            tuple(self._blocks),
            tuple(self._gaps),
        )

    def advance(
        self, time: datetime, prices: tuple[float, float, float, float], volume: float, average: float
    ) -> Structure:
        """`prices` are open, high, low, close; `average` the volume's, NaN while unknown. No volume is never heavy."""
        open, high, low, close = prices
        heavy = volume > 0 and volume >= self._settings.block_volume * average
        self._bar += 1
        row = Row(time, open, high, low, close, heavy)
        self._rows.append(row)
        self._highs.append(high)
        self._lows.append(low)
        self._confirm_pivots()
        self._break(row)
        self._take_sweep(row)
        self._age_blocks(row)
        self._update_gaps(row)
        return self._observe()

    def _confirm_pivots(self) -> None:
        """A pivot is beyond the N bars before it and not beaten by the N after: the first of equals wins."""
        n = self._settings.swing_bars
        if len(self._highs) <= 2 * n:
            return
        high, low = self._highs[n], self._lows[n]
        if high == max(self._highs) and self._highs.index(high) == n:
            self._high, self._high_broken = self._swing(HIGH, high), False
        if low == min(self._lows) and self._lows.index(low) == n:
            self._low, self._low_broken = self._swing(LOW, low), False

    def _swing(self, direction: int, level: float) -> Swing:
        """Record a pivot. Of two in a row on the same side only the farther one stays among the alternating swings."""
        rows = self._rows
        swing = Swing(direction, level, rows[-1 - self._settings.swing_bars].time, rows[-1].time)
        last = self._swings[-1] if self._swings else None
        if last is None or last.direction != direction:
            self._swings = (*self._swings[-3:], swing)
        elif (level - last.level) * direction > 0:
            self._swings = (*self._swings[:-1], swing)
        self._trend = _trend(self._swings)
        return swing

    def _break(self, row: Row) -> None:
        """A close beyond the latest pivot, once for each pivot; a wick is no break."""
        if self._high and not self._high_broken and row.close > self._high.level:
            self._high_broken = True
            self._record_break(HIGH, self._high.level, row)
        if self._low and not self._low_broken and row.close < self._low.level:
            self._low_broken = True
            self._record_break(LOW, self._low.level, row)

    def _record_break(self, direction: int, level: float, row: Row) -> None:
        continues = self._last_break is None or self._last_break.direction == direction
        kind = Break.BOS if continues else Break.CHOCH
        self._last_break = StructureBreak(kind, direction, level, row.time, self._bar)
        origin = self._block_origin(direction)
        if origin:
            block = OrderBlock(direction, origin.low, origin.high, origin.time, self._bar)
            self._blocks = [*self._blocks, block][-self._settings.blocks_kept :]

    def _block_origin(self, direction: int) -> Row | None:
        """The nearest heavy bar before this one whose body runs against the break."""
        earlier = islice(reversed(self._rows), 1, self._settings.block_lookback + 1)
        return next((row for row in earlier if row.heavy and (row.close - row.open) * direction < 0), None)

    def _take_sweep(self, row: Row) -> None:
        """A wick through the latest pivot, broken before or not, that closed back inside."""
        high, low = self._high, self._low
        above = high is not None and row.high > high.level > row.close
        below = low is not None and row.low < low.level < row.close
        if above or below:
            swept = high if above else low
            assert swept is not None
            self._sweep = Sweep(below - above, swept.level, row.time, self._bar)

    def _age_blocks(self, row: Row) -> None:
        """A close beyond the far edge ends a block; a later bar that trades into it marks it tested."""
        for index in range(len(self._blocks) - 1, -1, -1):
            block = self._blocks[index]
            if row.close < block.low if block.direction > 0 else row.close > block.high:
                del self._blocks[index]
            elif block.state is BlockState.FRESH and block.bar < self._bar and _touches(block, row):
                self._blocks[index] = replace(block, state=BlockState.TESTED)

    def _update_gaps(self, row: Row) -> None:
        """Open the gap these three bars left, drop the filled and the expired."""
        if self._gaps:
            oldest = self._bar - self._settings.gap_age
            self._gaps = [gap for gap in self._gaps if gap.bar >= oldest and not _fills(row, gap)]
        if len(self._rows) < 3:
            return
        before = self._rows[-3]
        if row.low > before.high:
            self._gaps.append(FairValueGap(HIGH, before.high, row.low, row.time, self._bar))
        elif row.high < before.low:
            self._gaps.append(FairValueGap(LOW, row.high, before.low, row.time, self._bar))

    def _observe(self) -> Structure:
        bar, ages = self._bar, self._settings
        last_break, sweep = self._last_break, self._sweep
        if last_break and bar - last_break.bar > ages.break_age:
            last_break = None
        if sweep and bar - sweep.bar > ages.sweep_age:
            sweep = None
        block = self._blocks[-1] if self._blocks else None
        if block and bar - block.bar > ages.block_age:
            block = None
        gap = self._gaps[-1] if self._gaps else None
        votes = (
            self._trend,
            last_break.direction if last_break else 0,
            block.direction if block else 0,
            gap.direction if gap else 0,
            sweep.direction if sweep else 0,
        )
        return Structure(votes, self._swings, last_break, block, gap, sweep)


def _trend(swings: tuple[Swing, ...]) -> int:
    """+1 when the last two highs and the last two lows both rise, -1 when both fall, else 0."""
    if len(swings) < 4:
        return 0
    steps = (swings[2].level - swings[0].level, swings[3].level - swings[1].level)
    if min(steps) > 0:
        return HIGH
    return LOW if max(steps) < 0 else 0


def _touches(block: OrderBlock, row: Row) -> bool:
    return row.low <= block.high and row.high >= block.low


def _fills(row: Row, gap: FairValueGap) -> bool:
    return row.low <= gap.low if gap.direction > 0 else row.high >= gap.high
