"""A glance tells what the client tells, and says plainly when it cannot."""

import asyncio
from dataclasses import replace

import pytest

from canary_cli.accounts import Account
from canary_cli.core.binance.glance import glance
from canary_cli.core.binance.knock import knock
from canary_cli.core.binance.unreachable import KeyRefused
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import AccountSnapshot, Side
from canary_cli.errors import ExchangeUnreachable
from tests.faults.desk import a_desk


async def a_glance(account: Account, patience: float = 5.0) -> AccountSnapshot:
    return await asyncio.to_thread(glance, account, SystemClock(), patience)


async def test_it_tells_what_the_client_tells() -> None:
    async with a_desk() as desk:
        await desk.open("BTCUSDT", "ETHUSDT")
        await desk.protect("BTCUSDT")
        await desk.rest("XRPUSDT", Side.BUY, "0.97")
        glanced, read = await a_glance(desk.account), await desk.exchange.snapshot()
        assert (glanced.mode, glanced.orders, glanced.algo_orders) == (read.mode, read.orders, read.algo_orders)
        assert glanced.balance.wallet == read.balance.wallet
        assert [(one.symbol, one.quantity, one.entry_price) for one in glanced.positions] == [
            (one.symbol, one.quantity, one.entry_price) for one in read.positions
        ]


async def test_a_key_that_is_refused_is_told_from_silence() -> None:
    async with a_desk() as desk:
        with pytest.raises(KeyRefused) as refused:
            await a_glance(replace(desk.account, api_key="x" * 64))
        assert desk.account.api_secret not in str(refused.value)


async def test_one_part_that_is_missing_means_that_nothing_is_known() -> None:
    async with a_desk() as desk:
        desk.fault("error", on=r"openAlgoOrders", wording="unavailable")
        with pytest.raises(ExchangeUnreachable, match="Service Unavailable"):
            await a_glance(desk.account)


async def test_an_exchange_that_hangs_up_or_stays_silent_is_said() -> None:
    async with a_desk() as desk:
        desk.fault("drop", on=r"positionRisk", first=1)
        with pytest.raises(ExchangeUnreachable):
            await a_glance(desk.account)
        desk.fault("latency", on="reads", milliseconds=3000)
        with pytest.raises(ExchangeUnreachable, match="NO ANSWER"):
            await a_glance(desk.account, patience=0.2)


def test_nobody_is_there() -> None:
    with pytest.raises(ExchangeUnreachable, match="cannot connect"):
        knock("http://127.0.0.1:9", 1.0)
