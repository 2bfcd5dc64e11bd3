"""What can go wrong with the streams a session lives on, by its row's number."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.core.binance.outbox import Outbox
from canary_cli.core.binance.socket import Lost
from canary_cli.core.model import Side
from canary_cli.core.trading.effects import StartRollback
from canary_cli.core.trading.events import MarksUpdated, Stream, StreamAlive, StreamDown, StreamUp
from canary_cli.core.trading.inputs import Tick
from tests.core.trading.conftest import Desk as Decider
from tests.faults.trader import a_trader, the_plan

BTC = "BTCUSDT"


@pytest.mark.parametrize(("silent", "rolls_back"), [(29.9, False), (30.0, False), (30.1, True)])
@pytest.mark.parametrize("stream", Stream)
def test_row_32_silence_rolls_back_beyond_thirty_seconds_and_not_before(
    stream: Stream, silent: float, rolls_back: bool
) -> None:
    """29.9 s: nothing, 30.1 s: rollback"""
    decider = Decider(the_plan()).open()
    other = Stream.USER if stream is Stream.MARKET else Stream.MARKET
    at = decider.now + timedelta(seconds=silent)
    if other is Stream.USER:
        decider.tell(StreamAlive(at, Stream.USER))
    else:
        decider.tell(MarksUpdated(at, {BTC: Decimal(50000)}))
    effects = decider.tell(Tick(at))
    assert any(isinstance(effect, StartRollback) for effect in effects) is rolls_back


@pytest.mark.parametrize("silent", ["markPrice", "^(?!private)"], ids=["marks", "all of the market"])
async def test_row_32_marks_that_stay_away_roll_back_though_every_reconnect_succeeds(
    tmp_path: Path, silent: str
) -> None:
    """rollback after 30 to 50 s of plan time without a mark"""
    async with a_trader(tmp_path, speed=15.0) as trader:
        await trader.enter()
        trader.desk.fault("silence", on=silent)
        await trader.until(lambda: trader.stops, "the rollback", within=8.0)
        assert trader.stops[0].cause == "market-stream"
        assert 30.0 <= (trader.state.now - trader.state.heard[Stream.MARKET]).total_seconds() < 50.0
        assert [one.symbol for one in trader.stops[0].known.positions] == [BTC]


async def test_row_32_a_half_open_user_line_is_noticed_and_replaced_before_it_costs_the_run(tmp_path: Path) -> None:
    async with a_trader(tmp_path, speed=10.0) as trader:
        await trader.enter()
        trader.desk.fault("half_open", on="private", lasting=20.0)
        await trader.until(lambda: "user-stream" in trader.state.conditions, "the loss")
        await trader.until(lambda: "user-stream" not in trader.state.conditions, "the way back", within=8.0)
        assert not trader.stops
        await trader.agreed()


async def test_row_33_a_quiet_user_stream_that_answers_pings_is_alive(tmp_path: Path) -> None:
    """40 s of silence, no rollback"""
    async with a_trader(tmp_path, speed=15.0) as trader:
        await trader.enter()
        began = trader.desk.clock.now()
        trader.desk.fault("silence", on="private")  # no message at all, and pongs all the time
        await trader.until(lambda: trader.desk.clock.now() - began > timedelta(seconds=40))
        assert (trader.stops, "user-stream" in trader.state.conditions) == ([], False)


async def test_row_33_a_line_that_only_pongs_is_dead_once_the_account_cannot_be_read(tmp_path: Path) -> None:
    """rollback after 120 s without a reading and 30 s of silence"""
    async with a_trader(tmp_path, speed=30.0) as trader:
        await trader.enter()
        began = trader.desk.clock.now()
        trader.desk.fault("silence", on="private")
        trader.desk.fault("outage", on="^GET /fapi/v3/positionRisk$")
        await trader.until(lambda: trader.stops, "the rollback", within=20.0)
        assert trader.stops[0].cause == "user-stream"
        assert trader.desk.clock.now() - began > timedelta(seconds=120)


async def test_row_33_a_line_that_pongs_and_keeps_a_fill_back_is_opened_anew_once_a_reading_shows_it(
    tmp_path: Path,
) -> None:
    """entries held, a new line at once, no rollback"""
    async with a_trader(tmp_path, speed=15.0) as trader:
        await trader.enter()
        first = trader.state.up[Stream.USER]
        await trader.until(lambda: trader.desk.clock.now() - first > timedelta(seconds=30), "a line that is well up")
        trader.desk.fault("silence", on="private", lasting=90.0)
        trader.desk.market(kind="gap", symbols=[BTC], move=-0.03)  # through the stop, while nobody hears
        await trader.until(lambda: not trader.ours and trader.state.up[Stream.USER] > first, "a new line", within=15.0)
        told = [entry.data["detail"] for entry in trader.events("condition_set")]
        assert any("the user stream never told of trade" in detail for detail in told)
        await trader.agreed()
        assert not trader.stops


def test_row_34_a_reader_that_is_too_slow_is_told_as_a_loss_and_never_as_nothing() -> None:
    decider, outbox = Decider(the_plan()).open(), Outbox(limit=3)
    for _ in range(3):
        outbox.put(StreamAlive(decider.now, Stream.USER))
    with pytest.raises(Lost, match="3 messages wait"):
        outbox.put(StreamAlive(decider.now, Stream.USER))
    outbox.put(StreamDown(decider.now, Stream.USER, "3 messages wait to be read"))  # the loss itself always fits
    decider.tell(StreamDown(decider.now, Stream.USER, "3 messages wait to be read"))
    assert "user-stream" in decider.state.conditions


async def test_row_34_a_reader_that_died_ends_the_run_instead_of_trading_on_blind(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        reader = trader.session._tasks[3]
        reader.cancel()
        await trader.until(reader.done)
        with pytest.raises(RuntimeError, match="ended"):
            await trader.until(lambda: False, within=1.0)


@pytest.mark.parametrize("kind", ["close", "listen_key_expiry"])
async def test_row_35_a_fill_during_a_gap_is_caught_by_the_reading_after_it(tmp_path: Path, kind: str) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        held = trader.state.held[BTC].quantity
        trader.desk.fault("silence", on="private", lasting=10.0)
        mark = trader.desk.marks[BTC]
        trader.desk.market(kind="gap", symbols=[BTC], move=-0.03)  # through the stop, while nobody hears
        await trader.until(lambda: not trader.theirs, "the stop")
        assert trader.ours == {BTC: held}
        trader.desk.fault(kind, on="private")
        await trader.until(lambda: not trader.ours, "the missed fill")
        await trader.agreed()
        exits = [entry.data for entry in trader.events("fill") if entry.data["side"] == Side.SELL]
        assert sum(Decimal(one["quantity"]) for one in exits) == held
        assert all(Decimal(one["price"]) < mark for one in exits)


@pytest.mark.parametrize("kind", ["duplicate", "reorder"])
async def test_row_36_duplicates_and_reordered_events_count_once(tmp_path: Path, kind: str) -> None:
    async with a_trader(tmp_path) as trader:
        trader.desk.fault(kind, on="private", lasting=20.0)
        for side in (Side.BUY, Side.SELL):
            trader.signal(BTC, side)
            await trader.until(lambda: trader.events("fill"), "a fill")
        await trader.agreed()


async def test_row_36_a_whole_day_of_events_replayed_changes_nothing(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter()
        fills = await trader.desk.exchange.trades(BTC, trader.desk.clock.now() - timedelta(hours=1))
        before, told = dict(trader.state.held), len(trader.events("fill"))
        trader.session.post(StreamUp(trader.desk.clock.now(), Stream.USER))  # asks for a reading with the same fills
        trader.session.post(StreamUp(trader.desk.clock.now(), Stream.USER))
        await trader.until(lambda: trader.state.reconciled)
        assert (dict(trader.state.held), len(trader.events("fill")), len(fills)) == (before, told, told)
