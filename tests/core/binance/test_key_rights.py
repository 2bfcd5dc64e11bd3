"""What a live key may do is asked of the spot host; other accounts have nobody to ask."""

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from canary_cli.accounts import LIVE_REST, LIVE_SPOT, Account, paper_account
from canary_cli.core.binance.client import BinanceExchange
from canary_cli.core.binance.rest import RestWire
from canary_cli.core.clock import SystemClock
from canary_cli.core.model import KeyRights


def account(kind: str, rest: str, home: Path) -> Account:
    return Account("desk", kind, rest, "ws://127.0.0.1:9", home, "key", "secret")


async def test_a_live_key_is_asked_about(httpserver: HTTPServer, tmp_path: Path) -> None:
    now = int(SystemClock().wall().timestamp() * 1000)
    httpserver.expect_request("/fapi/v1/time").respond_with_json({"serverTime": now})
    httpserver.expect_request("/sapi/v1/account/apiRestrictions").respond_with_json(
        {"ipRestrict": True, "enableReading": True, "enableFutures": True, "enableWithdrawals": False}
    )
    exchange = BinanceExchange(account("live", httpserver.url_for("/").rstrip("/"), tmp_path), SystemClock())
    try:
        assert await exchange.key_rights() == KeyRights(futures=True, withdrawals=False, ip_restricted=True)
    finally:
        await exchange.close()
    (asked,) = [request for request, _ in httpserver.log if request.path.startswith("/sapi")]
    assert "signature" in asked.args


async def test_paper_has_no_rights_to_read(tmp_path: Path) -> None:
    assert await BinanceExchange(paper_account(tmp_path, 9), SystemClock()).key_rights() is None


@pytest.mark.parametrize(("rest", "spot"), [(LIVE_REST, LIVE_SPOT), ("http://127.0.0.1:9", "http://127.0.0.1:9")])
async def test_the_spot_host_belongs_to_the_futures_host(rest: str, spot: str, tmp_path: Path) -> None:
    wire = RestWire(account("live", rest, tmp_path), SystemClock())
    assert f"{spot}/sapi" == wire.client.MARGIN_API_URL
    await wire.close()
