"""The dead man's switch: what the exchange does about a session that died with an entry under way."""

from datetime import timedelta
from pathlib import Path

from canary_cli.core.model import Side
from canary_cli.core.trading.effects import CountdownCancel
from canary_cli.core.trading.inputs import Replied, Tick
from canary_cli.core.trading.replies import Unknown
from canary_cli.session.simulate.journal import MemoryJournal
from tests.core.trading.conftest import Desk as Decider
from tests.core.trading.test_session import placed, signal
from tests.faults.desk import a_desk
from tests.faults.trader import a_session, the_plan


def beats(decider: Decider, seconds: float) -> list[CountdownCancel]:
    effects = decider.tell(Tick(decider.now + timedelta(seconds=seconds)))
    return [effect for effect in effects if isinstance(effect, CountdownCancel)]


def test_row_53_the_beat_follows_an_entry_that_works_and_ends_with_it() -> None:
    """120 s countdown, asked for again every 30 s"""
    decider = Decider(the_plan()).open()
    (entry,) = placed(decider.tell(signal(decider)))
    decider.tell(Replied(decider.now, entry.client_id, Unknown("no reply within 3 s"), 3000.0, 3000.0))
    assert beats(decider, 0.1) == [CountdownCancel("BTCUSDT", 120_000)]
    assert beats(decider, 29.0) == []
    assert beats(decider, 1.5) == [CountdownCancel("BTCUSDT", 120_000)]
    decider.fill(entry, "50000")
    assert beats(decider, 0.1) == [CountdownCancel("BTCUSDT", 0)]
    assert beats(decider, 60.0) == []


async def test_row_53_when_the_beat_stops_the_pair_s_orders_go_and_protective_stops_stay(tmp_path: Path) -> None:
    async with a_desk(speed=40.0, home=tmp_path) as desk:
        await desk.exchange.connect()
        async with a_session(desk, MemoryJournal(desk.clock.now), tmp_path) as trader:
            await trader.enter("ETHUSDT")
            desk.fault("latency", on=r"^POST /fapi/v1/order$", milliseconds=900, first=1)
            trader.signal("BTCUSDT")
            state = desk.venue.engine.state
            await trader.until(lambda: "BTCUSDT" in state.countdowns, "the countdown")
        await desk.rest("BTCUSDT", Side.BUY, "0.99")
        deadline = state.countdowns["BTCUSDT"]
        while state.orders.count("BTCUSDT"):
            await desk.clock.pause(0.02)
            assert desk.clock.now() < deadline + timedelta(seconds=20)
        assert desk.clock.now() >= deadline - timedelta(seconds=4)
        assert any(stop.symbol == "ETHUSDT" for stop in (await desk.exchange.snapshot()).algo_orders)
