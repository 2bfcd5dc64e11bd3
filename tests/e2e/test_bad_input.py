"""Wrong plan, wrong environment, wrong flag: one line saying what and where, one saying what to do, the right code."""

import socket

import pytest

from tests.e2e.house import Ended, House, wait_until

REHEARSE = ("run", "--rehearse")
TWO_ACCOUNTS = '[a]\nkind = "paper"\nport = 1\n[b]\nkind = "paper"\nport = 2\n'


def refused(house: House, *words: str) -> Ended:
    """What was typed is refused, plainly and before anything is left running."""
    ended = house.canary(*words)
    told = [line for line in ended.err.splitlines() if not line.startswith("ACCOUNT")]
    assert [line.partition(" ")[0] for line in told] == ["error:", "next:", "RESULT"], ended
    assert "Traceback" not in ended.err and "bug" not in ended.err
    wait_until(lambda: not list((house.home / ".canary").glob("exchanges/*.json")), "no exchange left behind", 5)
    return ended


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("limit = -1.0", "limit = nan", "phase 1.gate.drawdown.limit: is NaN"),
        ('at = "21 min"', 'at = "12 min"', "phase 2.at: starts 0:12:00 after the start, while phase 1 lasts"),
        ("fraction = 0.2\n", "", "phase 1.fraction: is missing"),
        ("fraction = 0.2", "fraction = 0.2\nfractoin = 1", "phase 1.fractoin: is no key"),
        ('metric = "latency_max"', 'metric = "latency_mox"', '"latency_mox" is no metric'),
        ("[plan]", "[plan", "golive.toml"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_starts(house: House, old: str, new: str, said: str) -> None:
    house.amend(old, new)
    ended = refused(house, *REHEARSE)
    assert (ended.code, said in ended.err, "golive.toml" in ended.err) == (78, True, True), ended


def test_a_phase_without_a_gate_is_refused(house: House) -> None:
    plan = (house.home / "runbooks" / "golive.toml").read_text()
    gate = plan[plan.index("[phase.gate]") : plan.index("[[phase]]", plan.index("[phase.gate]"))]
    house.amend(gate, "")
    ended = refused(house, *REHEARSE)
    assert (ended.code, "golive.toml: phase 1.gate: is missing" in ended.err) == (78, True), ended


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--start", "banana"), 2, "--start banana is no instant"),
        (("--start", "2026-01-01T10:00"), 2, "names no time zone"),
        (("--scenario", "calmer"), 78, "no scenario 'calmer'"),
        (("--market-data", "/nowhere", "--start", "2025-05-20T10:00Z"), 78, "no folder /nowhere"),
        (("--speed", "0"), 2, "--speed"),
        (("--plan", "/nowhere.toml"), 78, "/nowhere.toml: No such file"),
    ],
)
def test_a_wrong_flag_of_a_rehearsal_is_refused(house: House, words: tuple[str, ...], code: int, said: str) -> None:
    ended = refused(house, *REHEARSE, *words)
    assert (ended.code, said in ended.err) == (code, True), ended


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("mysql+pymysql://canary:s3cret-pw@127.0.0.1:1/none", 8, "127.0.0.1:1"),
        ("nonsense", 78, "DATABASE_URL"),
    ],
)
def test_a_database_that_refuses_is_said_without_its_password(house: House, url: str, code: int, said: str) -> None:
    house.environment["DATABASE_URL"] = url
    ended = refused(house, *REHEARSE)
    assert (ended.code, said in ended.err, "s3cret" in ended.err) == (code, True, False), ended


@pytest.mark.parametrize(
    ("accounts", "words", "code", "said"),
    [
        (TWO_ACCOUNTS, ("run",), 2, "2 accounts and none chosen: a, b"),
        (TWO_ACCOUNTS, ("close-all",), 2, "2 accounts and none chosen: a, b"),
        ('[live]\nkind = "live"\n', ("run",), 78, "no api_key"),
        ("", ("run", "--account", "nobody"), 2, "no account named nobody"),
        (TWO_ACCOUNTS, ("run", "--account", "a"), 7, "cannot connect"),
        (TWO_ACCOUNTS, ("deploy", "--account", "a", "--phase", "7"), 2, "short has no phase 7"),
        ("", ("run", "--seed", "3"), 2, "belong to a rehearsal"),
    ],
)
def test_a_wrong_account_is_refused(house: House, accounts: str, words: tuple[str, ...], code: int, said: str) -> None:
    (house.home / "accounts.toml").write_text(accounts)
    ended = refused(house, *words)
    assert (ended.code, said in ended.err) == (code, True), ended


def test_a_port_that_is_taken_is_refused(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = refused(house, "paper", "serve", "--port", str(port))
    assert (ended.code, f"port {port}" in ended.err) == (78, True), ended


def test_a_pair_that_the_exchange_does_not_list_is_no_go_and_postpones(house: House) -> None:
    house.amend('"TRXUSDT"', '"BTCUSTD"')
    ended = house.rehearse().wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (4, "RESULT POSTPONED exit=4"), ended
    assert "POSTPONED: to " in ended.out and "symbols: BTCUSTD is not listed" in ended.out
    assert "canary preflight" in ended.err
