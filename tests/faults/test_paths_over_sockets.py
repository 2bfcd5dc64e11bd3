"""When REST does not take a close: the alternate host, the WebSocket API, and the truth where none takes it."""

import pytest

from canary_cli.core.model import Side
from canary_cli.core.trading.flatten import Outcome
from tests.faults.desk import PAIRS
from tests.faults.door import a_desk_behind_doors

ORDERS = r"^POST /fapi/v1/order$"
BUSY = (503, {"code": -1008, "msg": "Request throttled by system-level protection."})
UNAVAILABLE = (503, {"code": 0, "msg": "Service Unavailable."})


async def test_with_rest_dead_the_account_is_closed_and_verified_by_the_websocket_api() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open(*PAIRS)
        await desk.protect("BTCUSDT")
        await desk.protect("ETHUSDT", close_position=False)
        await desk.rest("XRPUSDT", Side.BUY, "0.97")
        known = await desk.exchange.snapshot()
        await doors.rest.shut()
        report = await desk.flatten(known)
        assert (report.outcome, len(report.closed), desk.held, desk.resting) == (Outcome.FLAT, len(PAIRS), {}, 0)
        assert doors.by_ws_api.count("order.place") == len(PAIRS)


async def test_what_rests_unseen_is_never_called_flat_and_told_until_rest_can_list_it() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open("BTCUSDT")
        await desk.protect("ETHUSDT", close_position=False)  # no position: it would open one
        await doors.rest.shut()
        fresh = type(desk.exchange)(desk.exchange._account, desk.clock)  # a process that has never read the account
        remembers, desk.exchange = desk.exchange, fresh
        early = await desk.flatten(deadline=2.0)
        assert (early.outcome, desk.held, early.left) == (Outcome.INCOMPLETE, {}, ())
        assert "only REST can tell" in (early.trouble or {})["account"]
        await doors.rest.open()
        late = await desk.flatten()
        assert (late.outcome, desk.resting) == (Outcome.FLAT, 0)
        await fresh.close()
        desk.exchange = remembers


async def test_an_order_that_nobody_told_us_of_keeps_the_account_from_being_flat() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        price = str(desk.rules["ETHUSDT"].round_price(desk.marks["ETHUSDT"] * 97 / 100, up=False))
        await doors.rest.shut()
        desk.by_hand(order={"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": price,
                            "quantity": str(desk.quantity("ETHUSDT"))})  # fmt: skip
        report = await desk.flatten(known, deadline=2.0)
        assert (report.outcome, desk.held) == (Outcome.INCOMPLETE, {})
        assert "orders of ETHUSDT are open" in (report.trouble or {})["account"]


async def test_with_the_first_host_dead_everything_goes_by_the_alternate_one() -> None:
    async with a_desk_behind_doors(alternate=True, ws_api=False) as doors:
        desk = doors.desk
        await desk.open(*PAIRS)
        await desk.protect("BTCUSDT")
        await doors.rest.shut()
        report = await desk.flatten()
        assert (report.outcome, desk.held, desk.resting) == (Outcome.FLAT, {}, 0)
        assert set(await desk.exchange.rules()) >= set(PAIRS)


async def test_with_every_way_dead_the_truth_is_that_nothing_was_closed() -> None:
    async with a_desk_behind_doors(alternate=True, ws_api=False) as doors:
        desk = doors.desk
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        await doors.rest.shut()
        await doors.alternate.shut()
        report = await desk.flatten(known, deadline=1.5)
        assert report.outcome is Outcome.INCOMPLETE
        assert [(one.symbol, one.quantity) for one in report.left] == [
            (symbol, quantity) for (symbol, _), quantity in desk.held.items()
        ]
        assert "REST" in (report.trouble or {})["BTCUSDT"] and "WebSocket API" in (report.trouble or {})["BTCUSDT"]


async def test_closes_that_rest_executed_and_never_answered_are_found_and_not_doubled() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open(*PAIRS)
        known = await desk.exchange.snapshot()
        doors.rest.spoiled["."] = None
        report = await desk.flatten(known)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert len(report.order_ids) == len(PAIRS) and "order.place" not in doors.by_ws_api
        assert doors.rest.passed.count("POST /fapi/v1/order") == 2 * len(PAIRS)  # opened and closed, each once


async def test_closes_that_rest_swallows_are_placed_by_the_other_way_once_the_exchange_says_they_never_came() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open("BTCUSDT", "ETHUSDT")
        known = await desk.exchange.snapshot()
        doors.rest.spoiled[ORDERS] = (502, {})
        report = await desk.flatten(known)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert doors.by_ws_api.count("order.place") == len(report.order_ids) == 2


@pytest.mark.parametrize("answer", [BUSY, UNAVAILABLE])
async def test_closes_that_rest_refuses_again_and_again_go_by_the_websocket_api(
    answer: tuple[int, dict[str, object]],
) -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open(*PAIRS)
        known = await desk.exchange.snapshot()
        doors.rest.spoiled[ORDERS] = answer
        report = await desk.flatten(known)
        assert (report.outcome, desk.held) == (Outcome.FLAT, {})
        assert "order.place" in doors.by_ws_api


async def test_a_ban_is_waited_out_and_not_dodged() -> None:
    async with a_desk_behind_doors(alternate=True) as doors:
        desk = doors.desk
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        until = int(desk.clock.wall().timestamp() * 1000) + 1500
        doors.rest.spoiled["."] = (418, {"code": -1003, "msg": f"Way too many requests; IP banned until {until}."})
        report = await desk.flatten(known, deadline=1.2)
        assert report.outcome is Outcome.INCOMPLETE
        assert (doors.by_ws_api, doors.alternate.passed) == ([], [])
        doors.rest.spoiled.clear()
        assert (await desk.flatten()).outcome is Outcome.FLAT


async def test_an_entry_never_goes_by_another_way() -> None:
    async with a_desk_behind_doors() as doors:
        await doors.rest.shut()
        with pytest.raises(AssertionError, match="cannot connect"):
            await doors.desk.open("BTCUSDT")
        assert doors.by_ws_api == []


async def test_no_secret_is_in_the_log_of_either_way() -> None:
    async with a_desk_behind_doors() as doors:
        desk = doors.desk
        await desk.open("BTCUSDT")
        known = await desk.exchange.snapshot()
        await doors.rest.shut()
        await desk.flatten(known)
        told = str(doors.log)
        assert doors.by_ws_api
        assert not any(secret in told for secret in (desk.account.api_key, desk.account.api_secret, "signature"))
