"""The admin door: what the one who runs the exchange may do, and nonsense that is told why."""

import asyncio

import pytest

from tests.paper.wire import KEY, Wire


async def test_an_order_by_hand_reaches_the_user_stream(wire: Wire) -> None:
    key = (await wire.raw("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY})).body["listenKey"]
    ws = await wire.http.ws_connect(f"{wire.base}/private/ws/{key}")
    await wire.admin("POST", "account", order={"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"})
    assert (await asyncio.wait_for(ws.receive(), 10)).json()["o"]["c"].startswith("web_")


async def test_one_fault_is_taken_back_by_its_number(wire: Wire) -> None:
    first, second = [(await wire.admin("POST", "faults", kind="lock")).body["id"] for _ in range(2)]
    assert (await wire.admin("DELETE", f"faults/{first}")).body == {"removed": 1}
    assert [fault["id"] for fault in (await wire.admin("GET", "faults")).body] == [second]
    assert (await wire.admin("DELETE", f"faults/{first}")).body == {"removed": 0}


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("POST", "faults", {"kind": "hope"}),
        ("POST", "faults", {"kind": "reject", "hope": 1}),
        ("POST", "faults", {"kind": "lock", "after": "soon"}),
        ("POST", "faults", {"kind": "lock", "for": 1e300}),
        ("POST", "faults", {"kind": ["lock"]}),
        ("POST", "market", {"kind": "hope"}),
        ("POST", "market", {"kind": "gap", "move": -1}),
        ("POST", "market", {"kind": "gap", "move": "far"}),
        ("POST", "market", {"kind": "gap", "move": 1e300}),
        ("POST", "market", {"kind": "gap", "hope": 1}),
        ("POST", "market", {"kind": "flat", "for": -5}),
        ("POST", "market", {"kind": "thin", "depth": 0}),
        ("POST", "market", {"kind": "halt", "symbols": ["HOPEUSDT"]}),
        ("POST", "market", {"kind": "halt", "symbols": "BTCUSDT"}),
        ("POST", "market", {"kind": "status", "symbols": ["HOPEUSDT"], "value": "CLOSE"}),
        ("POST", "market", {"kind": "filters", "filters": {"tick": "nan"}}),
        ("POST", "account", {"hope": 1}),
        ("POST", "account", {"deposit": "much"}),
        ("POST", "account", {"deposit": "NaN"}),
        ("POST", "account", {"deposit": "1e999999"}),
        ("POST", "account", {"order": 5}),
        ("POST", "account", {"order": {"symbol": "BTCUSDT", "side": "BUY", "quantity": "NaN"}}),
        ("POST", "account", {"key": {}}),
        ("POST", "account", {"adl": "HOPE"}),
        ("GET", "hope", {}),
        ("DELETE", "faults/99999999999999999999", {}),
    ],
)
async def test_nonsense_is_told_why(
    wire: Wire, caplog: pytest.LogCaptureFixture, method: str, what: str, body: dict[str, object]
) -> None:
    reply = await wire.admin(method, what, **body)
    assert reply.status == 400
    assert reply.body["error"]
    assert not caplog.records
    assert (await wire.raw("GET", "/fapi/v1/ping")).body == {}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"lock"', b"x" * 300_000])
async def test_bodies_that_are_no_object(wire: Wire, body: bytes) -> None:
    reply = await wire.raw("POST", "/paper/faults", body=body)
    assert reply.status == 400
    assert reply.body["error"]
