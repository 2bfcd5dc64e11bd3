"""A go-live from gate 0 to hand-off, and the two ways it is taken off again by itself."""

import json
from pathlib import Path

from tests.e2e.house import Ended, House, wait_until


def first_verdict(house: House, phase: int) -> dict[str, dict[str, object]]:
    gate = next(entry for entry in house.journal("gate") if entry.data["phase"] == phase)
    return {check["metric"]: check for check in gate.data["checks"]}


def test_calm_is_handed_off_with_every_position_protected_and_all_books_equal(house: House) -> None:
    ended = house.rehearse("--start", "2026-03-02T10:09Z").wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "RESULT DONE exit=0"), ended
    verdicts = {entry.data["phase"]: entry.status for entry in house.journal("gate")}
    assert verdicts[0] == "GO" and {verdicts[1], verdicts[2], verdicts[3]} <= {"PASS", "WARNING"}
    assert all(entry.data["checks"] for entry in house.journal("gate"))
    assert first_verdict(house, 1)["bars_missed"]["value"] == "0", "phase 1 ends with a bar, which it must wait for"
    proven_by_probes = [phase for phase in (1, 2, 3) if verdicts[phase] == "WARNING"]
    for phase in proven_by_probes:
        assert "on execution evidence only: no signal was traded" in words_of_gate(house, phase)
    assert_reported(ended)
    assert_books_equal(house)
    open_now = json.loads(house.canary("positions", "--json").out)
    assert open_now["positions"] and not open_now["unprotected"]
    assert all(position["stop"] for position in open_now["positions"])


def words_of_gate(house: House, phase: int) -> str:
    return next(entry.reason for entry in reversed(house.journal("gate")) if entry.data["phase"] == phase)


def assert_reported(ended: Ended) -> str:
    """The report and its charts are where the last lines say; returns its text."""
    report = Path(next(line for line in ended.out.splitlines() if line.startswith("report: ")).removeprefix("report: "))
    assert report.read_text().startswith("#")
    charts = {chart.name for chart in report.parent.glob("*.png")} | {
        chart.name for chart in report.parent.glob("*.svg")
    }
    assert len(charts) >= 3, charts
    return report.read_text()


def _answered(verified: Ended) -> Ended | None:
    """None where a busy machine kept the exchange from answering within the verb's own deadline."""
    return None if "NO ANSWER" in verified.out else verified


def assert_books_equal(house: House) -> None:
    """Ledger, journal and exchange say the same, no order went out twice and no fill is missing."""
    verified = wait_until(lambda: _answered(house.canary("verify-db")), "an exchange that answers in time")
    assert (verified.code, verified.err.splitlines()[-1]) == (0, "RESULT PASS exit=0"), verified
    assert "Ledger = journal: OK" in verified.out and "Ledger = exchange: OK" in verified.out
    intents = [entry.data["client_id"] for entry in house.journal("order_intent")]
    assert len(intents) == len(set(intents))


def test_a_refused_order_in_phase_1_fails_its_gate_and_is_rolled_back(house: House) -> None:
    house.linger()
    run = house.rehearse()
    house.open_positions()
    house.ask("POST", "faults", kind="reject", code=-2010, msg="New order rejected.", reduce_only=False)
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (5, "RESULT ROLLED_BACK exit=5"), ended
    assert house.is_flat()
    said = next(line for line in ended.out.splitlines() if line.startswith("ROLLED_BACK: "))
    assert "errors 1 beyond 0 (n=" in said, said
    assert "decision tree: POSTPONE RESTART: find the root cause" in ended.out, ended.out
    assert "Dev @dev, Ops @elo: automatic rollback" in ended.out, ended.out  # the escalation clock
    again = house.canary("run", "--account", house.account)
    assert (again.code, "stands still" in again.err) == (10, True), again


def test_a_gap_through_the_stops_trips_the_breaker_and_ends_flat(house: House) -> None:
    house.linger()
    run = house.rehearse()
    wait_until(lambda: {"BTCUSDT BOTH", "ETHUSDT BOTH"} <= set(house.status()["positions"]), "two positions")
    house.ask("POST", "market", kind="gap", move=-0.12, symbols=["BTCUSDT"])
    ended = run.wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (5, "RESULT ROLLED_BACK exit=5"), ended
    assert house.is_flat()
    assert house.journal("breaker", zone="TRIGGERED")
    said = [one.data["message"] for one in house.journal("alert")]
    first = next(words for words in said if "rollback" in words.lower())
    name = house.journal("incident_opened")[0].data["incident"]
    assert first.startswith(f"CANARY ROLLBACK {name} begun, closing everything: breaker: drawdown"), said
    assert "Dev @dev, Ops @elo: automatic rollback" in first, said
    said = next(line for line in ended.out.splitlines() if line.startswith("ROLLED_BACK: "))
    assert "time to safe" in said and "verified flat" in said, said
    flat = house.journal("flat")[0].data
    assert 0 < flat["first_byte"] < 0.05, "ETHUSDT was left to close"
    assert "trip to first byte on the wire (wall) | " in assert_reported(ended)
    assert_books_equal(house)
