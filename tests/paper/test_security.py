"""Signatures as documented, over the bytes as received, and the timing rule."""

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import eddsa, pkcs1_15

from canary_cli.paper.problems import Problem
from canary_cli.paper.security import Key, check_time, split_signature
from tests.paper.wire import KEY, Wire, signed

Signer = Callable[[bytes], bytes]
DOC_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
DOC_TEXT = (
    b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
DOC_SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_the_documented_vector_verifies_in_either_case() -> None:
    key = Key("doc", DOC_SECRET)
    assert key.verifies(DOC_TEXT, DOC_SIGNATURE)
    assert key.verifies(DOC_TEXT, DOC_SIGNATURE.upper())
    assert not key.verifies(DOC_TEXT + b"0", DOC_SIGNATURE)


@pytest.mark.parametrize("cut", [0, 14, 41, len(DOC_TEXT)])
def test_query_and_body_are_signed_one_after_the_other_with_nothing_between(cut: int) -> None:
    payload, signature = split_signature(DOC_TEXT[:cut], DOC_TEXT[cut:] + b"&signature=abc")
    assert payload == DOC_TEXT
    assert signature == "abc"


def test_the_mixed_vector_of_the_documentation_without_its_stray_space() -> None:
    query = b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
    body = b"quantity=1&price=9000&recvWindow=5000&timestamp=1591702613943"
    payload, _ = split_signature(query, body)
    assert signed(payload.decode(), DOC_SECRET).startswith("30baaf0fab549bbe")


def test_rsa_and_ed25519_keys_verify_what_they_signed() -> None:
    rsa, curve = RSA.generate(2048), ECC.generate(curve="ed25519")
    by_rsa = b64encode(pkcs1_15.new(rsa).sign(SHA256.new(DOC_TEXT))).decode()
    by_curve = b64encode(eddsa.new(curve, "rfc8032").sign(DOC_TEXT)).decode()
    rsa_key = Key("rsa", public_pem=rsa.public_key().export_key().decode())
    curve_key = Key("curve", public_pem=curve.public_key().export_key(format="PEM"))
    assert rsa_key.verifies(DOC_TEXT, quote(by_rsa, safe=""))
    assert curve_key.verifies(DOC_TEXT, quote(by_curve, safe=""))
    assert not rsa_key.verifies(DOC_TEXT, quote(by_curve, safe=""))
    assert not curve_key.verifies(DOC_TEXT + b"1", quote(by_curve, safe=""))
    assert curve_key.is_ed25519
    assert not rsa_key.is_ed25519


@pytest.mark.parametrize(("offset", "accepted"), [(999, True), (1000, False), (-5000, True), (-5001, False)])
def test_the_timing_rule_at_its_edges(offset: int, accepted: bool) -> None:
    server = 1_700_000_000_000
    if accepted:
        check_time(server + offset, None, server)
    else:
        with pytest.raises(Problem, match="-1021"):
            check_time(server + offset, None, server)


def test_a_secret_never_shows_in_a_key() -> None:
    assert DOC_SECRET not in repr(Key("public-name", DOC_SECRET))


def by_rsa() -> tuple[str, Signer]:
    key = RSA.generate(2048)
    return key.public_key().export_key().decode(), lambda text: pkcs1_15.new(key).sign(SHA256.new(text))


def by_ed25519() -> tuple[str, Signer]:
    key = ECC.generate(curve="ed25519")
    return key.public_key().export_key(format="PEM"), lambda text: eddsa.new(key, "rfc8032").sign(text)


@pytest.mark.parametrize("kind", [by_rsa, by_ed25519])
async def test_an_asymmetric_key_added_at_run_time_trades(wire: Wire, kind: Callable[[], tuple[str, Signer]]) -> None:
    pem, sign = kind()
    headers = {"X-MBX-APIKEY": "r" * 64}
    await wire.admin("POST", "account", key={"name": "r" * 64, "public_pem": pem})
    text = wire.query(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01").partition("&signature")[0]
    signature = quote(b64encode(sign(text.encode())).decode(), safe="")
    assert (await wire.raw("POST", f"/fapi/v1/order?{text}&signature={signature}", headers)).body["status"] == "NEW"
    assert (await wire.raw("POST", f"/fapi/v1/order?{text}&signature={signature[:-8]}", headers)).code == -1022


async def test_what_a_get_carries_in_its_body_is_neither_read_nor_signed(wire: Wire) -> None:
    headers = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}
    query = wire.query(symbol="BTCUSDT")
    reply = await wire.raw("GET", f"/fapi/v1/allOrders?{query}", headers, b"symbol=ETHUSDT&limit=0")
    assert (reply.status, reply.body) == (200, [])


async def test_a_window_may_be_as_long_as_a_minute(wire: Wire) -> None:
    late = {"timestamp": wire.server.venue.wall_ms() - 50_000}
    assert (await wire.call("GET", "/fapi/v2/balance", **late, recvWindow=60_000)).status == 200
    assert (await wire.call("GET", "/fapi/v2/balance", **late, recvWindow=40_000)).code == -1021
    assert (await wire.call("GET", "/fapi/v2/balance", recvWindow=60_001)).code == -1130


async def test_the_query_wins_over_the_body_and_everything_may_be_in_the_body(wire: Wire) -> None:
    time = wire.server.venue.wall_ms()
    query, body = "symbol=BTCUSDT", f"symbol=ETHUSDT&side=BUY&type=MARKET&quantity=0.01&timestamp={time}"
    headers = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}
    full = f"{body}&signature={signed(query + body)}"
    reply = await wire.raw("POST", f"/fapi/v1/order?{query}", headers, full.encode())
    assert reply.body["symbol"] == "BTCUSDT"
    whole = f"symbol=BTCUSDT&{body.partition('&')[2]}"
    reply = await wire.raw("POST", "/fapi/v1/order", headers, f"{whole}&signature={signed(whole)}".encode())
    assert reply.body["status"] == "NEW"
