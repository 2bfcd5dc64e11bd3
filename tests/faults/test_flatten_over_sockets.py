"""What can go wrong while an account is closed, each against the paper exchange over sockets, by its row's number."""

import asyncio
from math import ceil

import pytest

from canary_cli.core.model import PositionSide, Side
from canary_cli.core.trading.flatten import Outcome, Style
from canary_cli.paper.market import SYMBOLS
from canary_cli.session.aftermath import confirm_flat, execution_cost
from canary_cli.session.flattening import FlattenReport
from tests.faults.desk import PAIRS, a_desk

ORDERS = r"^POST /fapi/v1/order$"


async def test_row_05_twenty_positions_are_closed_in_parallel_the_first_at_once() -> None:
    """first close on the wire < 1 s, all acknowledged < 2 s, 20 positions"""
    pairs = tuple(SYMBOLS)[:20]
    async with a_desk(pairs) as desk:
        await desk.open(*pairs)
        for pair in pairs:
            await desk.protect(pair)
        report = await desk.flatten(await desk.exchange.snapshot())
        assert (report.outcome, len(report.closed), desk.held, desk.resting) == (Outcome.FLAT, len(pairs), {}, 0)
        assert report.first_byte is not None and report.first_byte < 1.0
        assert report.acknowledged is not None and report.acknowledged < 2.0


async def test_row_06_a_close_whose_reply_is_lost_is_found_and_not_doubled() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        desk.fault("lost_reply", on=ORDERS, first=1)
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert len(report.order_ids) == 1


@pytest.mark.parametrize("wording", ["unknown", "unavailable", "internal", "throttled", "timeout"])
async def test_row_10_every_wording_of_an_overloaded_exchange_ends_flat(wording: str) -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT", "ETHUSDT")
        desk.fault("error", on=ORDERS, wording=wording, first=2)
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})


async def test_row_11_closes_refused_for_five_minutes_are_tried_on_and_never_called_flat() -> None:
    async with a_desk(speed=100.0) as desk:
        await desk.open("BTCUSDT")
        desk.fault("reject", on=ORDERS, code=-1008, msg="Request throttled by system-level protection.", status=503,
                   lasting=300.0)  # fmt: skip
        early = await desk.flatten(deadline=1.0)
        assert early.outcome is Outcome.INCOMPLETE
        assert {one.symbol for one in early.left} == {"BTCUSDT"} == {symbol for symbol, _ in desk.held}
        assert "-1008" in (early.trouble or {})["BTCUSDT"]
        late = await desk.flatten()
        assert (late.outcome, desk.held) == (Outcome.FLAT, {})


async def test_row_12_a_ban_is_waited_out_and_then_everything_closed() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT", "ETHUSDT")
        desk.fault("reject", on="all", code=-1003, status=418, first=1, msg="Way too many requests; IP banned until "
                   f"{int(desk.clock.wall().timestamp() * 1000) + 1500}.")  # fmt: skip
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert report.seconds > 1.0


async def test_row_13_a_position_that_is_gone_already_is_success() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        await desk.send("BTCUSDT", Side.SELL, desk.quantity("BTCUSDT"), reduce_only=True)
        report = await desk.flatten(known)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})


async def test_row_14_a_resting_take_profit_nobody_knew_of_is_cancelled_and_the_close_repeated() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        await desk.rest("BTCUSDT", Side.SELL, "1.03", reduce_only=True)
        report = await desk.flatten(known, style=Style.LIMIT_IOC)  # a limit beside it would claim too much: -4118
        assert (report.outcome, desk.held, desk.resting) == (Outcome.FLAT, {}, 0)


async def test_row_15_a_book_too_thin_for_a_market_order_is_left_at_the_bands_edge() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        desk.fault("reject", on=ORDERS, code=-4131, first=1,
                   msg="The counterparty's best price does not meet the PERCENT_PRICE filter limit.")  # fmt: skip
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})


async def test_row_16_more_than_the_market_maximum_is_split_into_an_exact_sum() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT", notional=50_000)
        held, step = desk.held["BTCUSDT", PositionSide.BOTH], desk.rules["BTCUSDT"].market_step
        most = held / 7 // step * step
        desk.market(kind="filters", symbols=["BTCUSDT"], filters={"market_max_quantity": str(most)})
        desk.rules = await desk.exchange.rules()
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert len(report.order_ids) == ceil(held / most)


async def test_row_17_dust_is_named_and_the_account_flat_without_it() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        whole = desk.held["BTCUSDT", PositionSide.BOTH]
        desk.market(kind="filters", symbols=["BTCUSDT"], filters={"market_min_quantity": str(whole * 2)})
        desk.rules = await desk.exchange.rules()
        report = await desk.flatten()
        assert report.outcome is Outcome.NOTHING_OPEN
        assert [(one.symbol, one.quantity) for one in report.dust] == [("BTCUSDT", whole)]


async def test_row_18_what_a_thin_book_did_not_take_is_sent_again() -> None:
    async with a_desk() as desk:
        await desk.open("XRPUSDT", notional=200_000)
        desk.market(kind="thin", symbols=["XRPUSDT"], depth=0.0001, **{"for": 2})
        await desk.clock.pause(1.1)  # the book of the next second is the thin one
        report = await desk.flatten(deadline=40.0)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert len(report.order_ids) > 1


async def test_row_19_a_fill_that_lands_eight_seconds_after_flat_is_closed_by_the_re_checks() -> None:
    async with a_desk(speed=20.0) as desk:
        await desk.open("BTCUSDT")
        assert (await desk.flatten()).outcome is Outcome.FLAT
        reports: list[FlattenReport] = []

        async def fill_late() -> None:
            await desk.clock.sleep(8.0)
            desk.by_hand(order={"symbol": "BTCUSDT", "side": "BUY", "quantity": str(desk.quantity("BTCUSDT"))})

        late = asyncio.create_task(fill_late())
        assert await confirm_flat(desk.exchange, desk.clock, desk.rules, reports.append)
        await late
        assert [report.outcome for report in reports].count(Outcome.FLAT) == 1
        assert desk.held == {}


async def test_row_20_a_stop_that_only_the_algo_store_knows_is_found_and_cancelled() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        await desk.protect("BTCUSDT", close_position=False)
        await desk.protect("ETHUSDT", close_position=False)  # no position: it would open one
        report = await desk.flatten()
        assert (report.outcome, desk.held, desk.resting) == (Outcome.FLAT, {}, 0)


async def test_row_21_a_stop_that_triggers_while_we_cancel_leaves_the_account_flat() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT", "ETHUSDT")
        await desk.protect("BTCUSDT", "0.98", close_position=False)
        desk.fault("latency", on="cancels", milliseconds=300)
        desk.market(kind="gap", symbols=["BTCUSDT"], move=-0.03)
        report = await desk.flatten(await desk.exchange.snapshot())
        assert (report.outcome, desk.held, desk.resting) == (Outcome.FLAT, {}, 0)


@pytest.mark.parametrize("times", [1, 1000])
async def test_row_22_an_order_that_outlives_the_cancel_of_all_is_seen_and_cancelled_by_itself(times: int) -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        await desk.rest("BTCUSDT", Side.BUY, "0.97")
        await desk.rest("ETHUSDT", Side.BUY, "0.97")
        desk.fault("ack_only", on="cancels", first=times)
        report = await desk.flatten(await desk.exchange.snapshot())
        assert (report.outcome, desk.held, desk.resting, report.orders_cancelled) == (Outcome.FLAT, {}, 0, 2)


@pytest.mark.parametrize("known", [True, False])
async def test_row_23_both_sides_of_a_hedged_symbol_are_closed(known: bool) -> None:
    async with a_desk() as desk:
        desk.by_hand(hedge=True)
        await desk.open("BTCUSDT", position_side=PositionSide.LONG)
        await desk.open("BTCUSDT", side=Side.SELL, notional=2000, position_side=PositionSide.SHORT)
        report = await desk.flatten(await desk.exchange.snapshot() if known else None)
        assert (report.outcome, len(report.closed), desk.held) == (Outcome.FLAT, 2, {})


async def test_row_25_one_symbol_that_errs_does_not_hold_up_the_others() -> None:
    async with a_desk() as desk:
        await desk.open(*PAIRS)
        desk.fault("reject", on=ORDERS, symbols=["SOLUSDT"], code=-2019, msg="Margin is insufficient.")
        report = await desk.flatten(deadline=2.0)
        assert report.outcome is Outcome.INCOMPLETE
        assert {symbol for symbol, _ in desk.held} == {"SOLUSDT"}
        assert {(one.symbol, one.quantity) for one in report.left} == {
            (symbol, quantity) for (symbol, _), quantity in desk.held.items()
        }


async def test_row_27_two_operators_at_once_end_flat_with_nothing_doubled() -> None:
    async with a_desk() as desk:
        await desk.open(*PAIRS)
        known = await desk.exchange.snapshot()
        desk.fault("latency", on="orders", milliseconds=20, to_milliseconds=120)
        reports = await asyncio.gather(desk.flatten(known), desk.flatten(known), desk.flatten())
        assert all(report.is_flat for report in reports)
        assert desk.held == {}


async def test_a_clock_five_seconds_off_does_not_stop_the_closing() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        desk.fault("clock_skew", milliseconds=5000)
        report = await desk.flatten()
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})


async def test_at_rehearsal_speed_the_cost_of_the_closes_is_known() -> None:
    async with a_desk(speed=200.0) as desk:
        await desk.open(*PAIRS)
        report = await desk.flatten()
        cost = await execution_cost(desk.exchange, report)
        assert cost is not None and -50 < cost < 50 and cost != 0


async def test_an_account_that_turns_out_to_be_hedged_is_closed_by_its_sides() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT")
        thought = await desk.exchange.snapshot()
        await desk.flatten()
        desk.by_hand(hedge=True)
        await desk.open("BTCUSDT", position_side=PositionSide.LONG)
        report = await desk.flatten(thought)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})


async def test_a_storm_of_lost_and_late_replies_ends_flat() -> None:
    async with a_desk() as desk:
        await desk.open(*PAIRS)
        for pair in PAIRS:
            await desk.protect(pair)
            await desk.rest(pair, Side.BUY, "0.97")
        desk.fault("lost_reply", on="orders", probability=0.3)
        desk.fault("error", on="all", wording="unavailable", probability=0.2)
        desk.fault("latency", on="all", milliseconds=5, to_milliseconds=60)
        report = await desk.flatten(deadline=60.0)
        assert (report.outcome, desk.held, desk.resting) == (Outcome.FLAT, {}, 0)
