"""What python-binance does in its own way: the spot host, lower-case lists, several streams on one socket."""

import asyncio

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException

from tests.contract.desks import BTC, PythonBinance, tidy
from tests.paper import documented as d


async def test_permissions_are_asked_of_the_spot_host(async_client: AsyncClient) -> None:
    permissions = await async_client.get_account_api_permissions()
    assert list(d.differences(permissions, d.RESTRICTIONS)) == []
    assert (permissions["enableFutures"], permissions["enableWithdrawals"]) == (True, False)


async def test_readings_of_its_older_versions(async_client: AsyncClient) -> None:
    assert list(d.differences(await async_client.futures_account(version=2), d.ACCOUNT_V2)) == []
    assert list(d.differences(await async_client.futures_account_balance(), [d.BALANCE])) == []
    assert list(d.differences(await async_client.futures_position_information(version=2), [d.RISK_V2])) == []
    assert list(d.differences(await async_client.futures_leverage_bracket(symbol=BTC), [d.BRACKETS])) == []
    assert list(d.differences(await async_client.futures_orderbook_ticker(symbol=BTC), d.BOOK_TICKER)) == []


async def test_lists_go_in_lower_case_and_batches_are_not_rerouted(async_client: AsyncClient) -> None:
    desk = PythonBinance(async_client)
    price = f"{float((await desk.mark())['markPrice']) * 0.97:.1f}"
    good = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": price}
    placed, refused = await desk.batch(good, good | {"type": "STOP_MARKET"})
    assert (placed["status"], refused["code"]) == ("NEW", -4120)
    cancelled = await async_client.futures_cancel_orders(symbol=BTC, orderidlist=[placed["orderId"], 1])
    assert [row.get("status", row.get("code")) for row in cancelled] == ["CANCELED", -2011]
    await tidy(desk)


async def test_a_refusal_carries_status_code_and_wording(async_client: AsyncClient) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        await async_client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0")
    found = (refused.value.status_code, refused.value.code, refused.value.message)
    assert found == (400, -4003, "Quantity less than or equal to zero.")


async def test_several_streams_share_a_socket(sockets: BinanceSocketManager) -> None:
    names = {"btcusdt@kline_1m", "!markPrice@arr@1s"}
    async with sockets.futures_multiplex_socket(sorted(names)) as stream, asyncio.timeout(20):
        while names:
            names.discard((await stream.recv())["stream"])
