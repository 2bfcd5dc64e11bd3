"""What a person says at another terminal reaches the session that runs, over sockets and files."""

from decimal import Decimal
from pathlib import Path

from canary_cli.core.policy.breaker import Zone
from canary_cli.core.trading.events import MarksUpdated
from canary_cli.journal.enabled import Enabled, tell_enabled
from tests.faults.trader import a_trader

BTC, ETH = "BTCUSDT", "ETHUSDT"


async def test_a_pair_closed_by_hand_is_counted_and_the_others_trade_on(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter(BTC)
        await trader.enter(ETH)
        report = await trader.desk.flatten(only=BTC)
        assert report.is_flat
        await trader.until(lambda: BTC not in trader.ours, "the closing to be counted")
        await trader.agreed()
        assert list(trader.theirs) == [ETH]
        assert trader.state.latches == {}
        await trader.enter("BNBUSDT")


async def test_the_word_that_enables_trading_arms_the_breaker_again(tmp_path: Path) -> None:
    async with a_trader(tmp_path) as trader:
        await trader.enter(BTC)
        held, equity = trader.state.held[BTC], trader.state.equity
        assert equity is not None
        low = held.entry_price - equity * Decimal("0.026") / held.quantity
        trader.session.post(MarksUpdated(trader.desk.clock.now(), {BTC: low}))
        await trader.until(lambda: trader.state.breaker.zone is Zone.PRE_TRIP, "the breaker")
        tell_enabled(trader.state_dir, Enabled("ana", "a bad tick", trader.desk.clock.now()))
        await trader.until(lambda: trader.state.breaker.zone is Zone.ARMED, "the word")
        assert trader.state.breaker.reset_by == "ana"
        assert [entry.data["by"] for entry in trader.events("breaker")] == ["", "ana"]
