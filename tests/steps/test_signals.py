"""Reading candles from files, explaining a bar, counting windows, and comparing a run's record with the exchange."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from canary_cli.core.model import Candle, Frame, SymbolRules
from canary_cli.core.signals import (
    Bars,
    Evaluation,
    Reason,
    SignalEngine,
    SignalSettings,
    evaluate_batch,
    from_record,
    to_record,
)
from canary_cli.core.signals.bars import instant
from canary_cli.core.signals.outcome import Outcome
from canary_cli.errors import Refused, UsageError
from canary_cli.journal.record import GENESIS, Entry, Record, decode, encode
from canary_cli.steps import signals as step
from canary_cli.steps.klines import bar_closed_by, find_windows, read_bars, read_frames, seen_tick, span
from canary_cli.steps.parity import check, closes, compare_entries, coverage
from canary_cli.steps.signal_statistics import statistics, total_per_hour
from tests.core.signals.market import (
    SIX,
    by_close,
    candles,
    data_folder,
    market_data,
    random_bars,
    random_frames,
    stream,
)

SETTINGS = SignalSettings()
PAIR = "TESTUSDT"


def write(folder: Path, name: str, bars: Bars) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {
        name: getattr(bars, name) for name in ("open_time", "open", "high", "low", "close", "volume")
    }
    pq.write_table(pa.table(columns), folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of one pair that is warm, and one whose longer frames are missing."""
    root = tmp_path_factory.mktemp("market")
    for frame, bars in random_frames(1, 300).items():
        write(root / f"um_{frame}", f"{PAIR}_{frame}.parquet", bars)
    write(root / "um_15m", "COLDUSDT_15m.parquet", random_bars(2, 300))
    return root


def asked(folder: Path, at: datetime, symbol: str = PAIR) -> step.Question:
    return step.Question(folder, symbol, at, None, SETTINGS)


def decision_times(folder: Path) -> list[datetime]:
    bars = read_bars(folder / "um_15m" / f"{PAIR}_15m.parquet", Frame.M15)
    return [instant(opened + bars.step) for opened in bars.open_time.tolist()]


def test_a_bar_is_explained_as_the_batch_engine_judges_it(folder: Path) -> None:
    at = decision_times(folder)[-20]
    frames = read_frames(folder, find_windows(folder, Frame.M15, PAIR)[0], SETTINGS.trend_frames)
    batch = {one.time: one for one in evaluate_batch(PAIR, Decimal("0.1"), frames)}
    explanation = step.explain(asked(folder, at))
    assert replace(explanation.evaluation, reason=Reason.NONE, evidence=None) == replace(  # type: ignore[arg-type]
        batch[at],
        reason=Reason.NONE,
        evidence=None,  # type: ignore[arg-type]
    )
    assert explanation.recent[-1] is explanation.evaluation
    assert len(explanation.recent) == len(explanation.bars) == 96


def test_between_two_closes_the_last_closed_bar_is_meant(folder: Path) -> None:
    at = decision_times(folder)[-20]
    assert step.explain(asked(folder, at + timedelta(minutes=14))).evaluation.time == at


def every_explanation(folder: Path) -> Iterator[step.Explanation]:
    for at in decision_times(folder)[-120::5]:
        yield step.explain(asked(folder, at))


def test_the_broken_rules_are_those_that_refuse(folder: Path) -> None:
    seen = set()
    for explanation in every_explanation(folder):
        broken = [rule.name for rule in explanation.rules if not rule.kept]
        assert (broken == []) == explanation.evaluation.is_signal == (explanation.signal is not None)
        seen.add(explanation.evaluation.reason)
    assert len(seen) >= 3


def test_a_cold_bar_says_so_first(folder: Path) -> None:
    explanation = step.explain(asked(folder, decision_times(folder)[10]))
    assert (explanation.rules[0].observed, explanation.rules[0].kept) == (Reason.WARMUP, False)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"symbol": ""}, "--pair and --at are missing"),
        ({"at": ""}, "--pair and --at are missing"),
        ({"at": "yesterday"}, "is no time"),
        ({"at": "2025-02-03T01:00"}, "names no zone"),
        ({"frame": "5m"}, "15m or 1h"),
        ({"tick": "x"}, "no price step"),
        ({"tick": "-1"}, "no price step"),
        ({"tick": "NaN"}, "no price step"),
        ({"folder": None}, "--market-data is missing"),
        ({"folder": Path("/nowhere")}, "is no folder"),
    ],
)
def test_a_wrong_flag_is_named(folder: Path, flags: dict[str, Any], said: str) -> None:
    right = {"folder": folder, "symbol": PAIR, "at": "2025-02-03T01:00Z", "tick": "", "frame": "15m"}
    with pytest.raises(UsageError, match=said) as error:
        step.question(**{**right, **flags})
    assert error.value.hint


def test_flags_become_values(folder: Path) -> None:
    question = step.question(folder, "testusdt", "2025-02-03T02:00+01:00", "0.5", "1h")
    assert (question.symbol, question.at) == (PAIR, datetime(2025, 2, 3, 1, tzinfo=UTC))
    assert (question.tick, question.settings.decision_frame) == (Decimal("0.5"), Frame.H1)


def test_an_unknown_pair_and_an_uncovered_time_say_what_there_is(folder: Path) -> None:
    with pytest.raises(UsageError, match="no 15m candles of NOPE") as error:
        step.explain(asked(folder, decision_times(folder)[0], "NOPE"))
    assert "COLDUSDT, TESTUSDT" in error.value.hint
    with pytest.raises(UsageError, match="no candles of TESTUSDT at 2020") as error:
        step.explain(asked(folder, datetime(2020, 1, 1, tzinfo=UTC)))
    assert "um_15m" in error.value.hint


def test_a_file_that_is_no_klines_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "um_15m").mkdir()
    (tmp_path / "um_15m" / f"{PAIR}_15m.parquet").write_text("no parquet")
    with pytest.raises(UsageError, match="TESTUSDT_15m"):
        list(statistics(tmp_path, find_windows(tmp_path, Frame.M15), SETTINGS))


def test_statistics_add_up(folder: Path) -> None:
    cold, warm = statistics(folder, find_windows(folder, Frame.M15), SETTINGS)
    assert (cold.symbol, cold.warm, cold.signals, cold.per_hour) == ("COLDUSDT", 0, 0, None)
    assert warm.bars == warm.signals + warm.reasons.total() == 550
    assert warm.warm == warm.bars - warm.reasons[Reason.WARMUP] == 301
    assert warm.signals == warm.outcomes.total() > 0
    assert warm.hours == 301 / 4
    assert total_per_hour([cold, warm]) == pytest.approx(warm.signals / warm.hours)
    assert 75 < warm.confidence / warm.signals <= 100
    assert 3.5 <= warm.confluence / warm.signals <= 4
    assert set(warm.outcomes) <= set(Outcome)


def test_the_rate_of_one_pair_in_two_windows_counts_each_hour_once(folder: Path) -> None:
    (warm,) = statistics(folder, find_windows(folder, Frame.M15, PAIR), SETTINGS)
    assert total_per_hour([warm, warm]) == pytest.approx(total_per_hour([warm]))
    assert total_per_hour([warm, replace(warm, symbol="OTHER")]) == pytest.approx(2 * total_per_hour([warm]))


def test_minutes_make_quarters_and_a_quarter_with_a_minute_missing_is_none(tmp_path: Path) -> None:
    minutes = random_bars(3, 120, Frame.M1)
    write(tmp_path / "um_1m", f"{PAIR}_1m.parquet", minutes[np.arange(120) != 40])
    (window,) = find_windows(tmp_path, Frame.M15)
    quarters = window.read()
    assert len(quarters) == 7
    assert quarters.open_time.tolist() == [minutes.open_time[row] for row in range(0, 120, 15) if row != 30]
    first = minutes[:15]
    assert (quarters.open[0], quarters.close[0]) == (first.open[0], first.close[-1])
    assert (quarters.high[0], quarters.low[0]) == (first.high.max(), first.low.min())
    assert quarters.volume[0] == pytest.approx(first.volume.sum())


def test_history_of_longer_frames_ends_with_the_window(folder: Path) -> None:
    window = find_windows(folder, Frame.M15, PAIR)[0]
    frames = read_frames(folder, window, SETTINGS.trend_frames)
    _, end = span(frames[Frame.M15])
    assert all(span(bars)[1] <= end for bars in frames.values())
    assert bar_closed_by(frames[Frame.M15], end) == len(frames[Frame.M15]) - 1
    assert bar_closed_by(frames[Frame.M15], datetime(2020, 1, 1, tzinfo=UTC)) == -1


@pytest.mark.parametrize(("prices", "tick"), [([100.5, 101.0], "0.1"), ([0.12345], "0.00001"), ([100.0, 250.0], "1")])
def test_the_tick_is_read_from_the_prices(prices: list[float], tick: str) -> None:
    levels = np.array(prices)
    times = np.arange(len(prices), dtype=np.int64)
    assert seen_tick(Bars(Frame.M15, times, levels, levels, levels, levels, levels)) == Decimal(tick)


class Exchange:
    """Candles a page at a time: at most 100 that closed by `end`, oldest first."""

    def __init__(self, frames: dict[Frame, list[Candle]]) -> None:
        self.frames = frames
        self.pages = 0

    async def rules(self) -> dict[str, SymbolRules]:
        one = Decimal(1)
        return {PAIR: SymbolRules(PAIR, Decimal("0.1"), one, one, one, one, one, one, one)}

    async def candles(self, symbol: str, frame: Frame, limit: int, end: datetime | None = None) -> tuple[Candle, ...]:
        self.pages += 1
        known = [candle for candle in self.frames[frame] if end is None or candle.close_time <= end]
        return tuple(known[-min(limit, 100) :])


def journal_line(evaluation: Evaluation, phase: int = 1) -> Entry:
    event = "signal" if evaluation.is_signal else "signal_refused"
    record = Record(event, pair=evaluation.symbol, phase=phase, run_id="r1", data=to_record(evaluation))
    return decode(encode(record, evaluation.time, 1, GENESIS))


@pytest.fixture
def market() -> dict[Frame, list[Candle]]:
    return {frame: candles(bars, PAIR) for frame, bars in random_frames(5, 60).items()}


@pytest.fixture
def recorded(market: dict[Frame, list[Candle]]) -> list[Entry]:
    """What a session journals that ran through two phases with a bar between them in none."""
    every = by_close(bar for bars in market.values() for bar in bars)
    evaluations = list(stream(SignalEngine(PAIR, Decimal("0.1")), every))[-40:]
    return [journal_line(one) for one in evaluations[:20]] + [journal_line(one, 2) for one in evaluations[21:]]


async def test_a_run_whose_decisions_are_those_of_the_batch_engine_has_parity(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    exchange = Exchange(market)
    found = await compare_entries(exchange, [of_another_event(recorded[0]), *recorded], SETTINGS)
    assert (found.compared, found.mismatches) == (39, ())
    assert exchange.pages > 8  # history longer than a page was read


def of_another_event(entry: Entry) -> Entry:
    return replace(entry, event="fill", data={})


async def test_a_candle_the_exchange_has_otherwise_is_a_mismatch(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    last = market[Frame.M15][-1]
    market[Frame.M15][-1] = replace(last, close=last.low)
    found = await compare_entries(Exchange(market), recorded, SETTINGS)
    assert {one.time for one in found.mismatches} == {last.close_time}


async def test_a_bar_that_was_not_journalled_is_a_mismatch(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    found = await compare_entries(Exchange(market), recorded[:5] + recorded[6:], SETTINGS)
    assert [one.field for one in found.mismatches] == ["missing"]


async def test_a_phase_asks_for_every_bar_that_closed_in_it(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    decided = [from_record(entry.data) for entry in recorded[:20]]
    began, ended = decided[0].time - timedelta(minutes=15), decided[-1].time
    ticks = {PAIR: Decimal("0.1")}

    async def missing(decided: list[Evaluation], ended: datetime) -> list[datetime]:
        found = await check(Exchange(market), ticks, decided, (began, ended), SETTINGS)
        assert {one.field for one in found} <= {"missing"}
        return [one.time for one in found]

    assert await missing(decided, ended + timedelta(minutes=1)) == []
    assert await missing(decided[1:-1], ended + timedelta(minutes=1)) == [decided[0].time, decided[-1].time]
    assert await missing(decided[:-1], ended + timedelta(seconds=14)) == []  # it closed only just now
    assert await missing(decided[:-1], ended + timedelta(seconds=15)) == [ended]
    assert await missing([], ended + timedelta(minutes=1)) == [one.time for one in decided]


async def test_a_phase_whose_decisions_differ_has_mismatches(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    decided = [from_record(entry.data) for entry in recorded[:20]]
    decided[3] = replace(decided[3], atr=1.0)
    window = (decided[0].time - timedelta(minutes=15), decided[-1].time)
    (found,) = await check(Exchange(market), {PAIR: Decimal("0.1")}, decided, window, SETTINGS)
    assert (found.time, found.field) == (decided[3].time, "atr")


def test_a_bar_that_closed_as_the_phase_ended_is_neither_missed_nor_lost(recorded: list[Entry]) -> None:
    decided = [from_record(entry.data) for entry in recorded[:4]]
    window = (decided[0].time - timedelta(minutes=15), decided[-1].time)
    assert coverage(decided, [PAIR], window) == (4, 4)
    assert coverage(decided[:-1], [PAIR], window) == (3, 3)  # still on its way
    assert coverage(decided[:-1], [PAIR], (window[0], window[1] + timedelta(seconds=15))) == (3, 4)
    assert coverage(decided[1:], [PAIR], window) == (3, 4)  # one judged late makes up for none missed before
    assert coverage([], [PAIR, "OTHERUSDT"], window) == (0, 6)


def test_the_bars_of_a_window_are_those_after_its_start_up_to_its_end() -> None:
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    assert closes(Frame.M15, noon, noon) == []
    assert closes(Frame.M15, noon, noon + quarter) == [noon + quarter]
    late = timedelta(seconds=1)
    assert closes(Frame.M15, noon - late, noon + late) == [noon]
    assert closes(Frame.M15, noon + late, noon + quarter - late) == []


async def test_nothing_recorded_compares_nothing(market: dict[Frame, list[Candle]]) -> None:
    assert (await compare_entries(Exchange(market), [], SETTINGS)).compared == 0


async def test_a_record_that_is_no_decision_is_refused_by_its_line(
    market: dict[Frame, list[Candle]], recorded: list[Entry]
) -> None:
    with pytest.raises(Refused, match="line 1 of the journal"):
        await compare_entries(Exchange(market), [replace(recorded[0], data={"close": 1})], SETTINGS)


@market_data
@pytest.mark.parametrize("source", ["um_1m_2025-02", "um_1m_2025-05"])
def test_six_pairs_signal_as_often_as_the_definition_measured(source: str) -> None:
    """0.85 an hour at a cooldown of two hours, +-25 %: measured there with order blocks of any age, here of 96 bars."""
    windows = [one for pair in SIX for one in find_windows(data_folder(), Frame.M15, pair) if one.source == source]
    every = list(statistics(data_folder(), windows, SETTINGS))
    assert len(every) == 6
    assert total_per_hour(every) == pytest.approx(0.85, rel=0.25)


@market_data
def test_the_tick_of_sol_changed_between_the_two_windows() -> None:
    ticks = [seen_tick(window.read()) for window in find_windows(data_folder(), Frame.M15, "SOLUSDT")]
    assert ticks == [Decimal("0.001"), Decimal("0.01")]
