"""The blocks of the rollback procedure, word for word, and honest where something is missing."""

from datetime import UTC, datetime
from decimal import Decimal

from canary_cli.render.checkpoint import (
    Investigated,
    Restored,
    Stopped,
    after_investigation,
    after_restore,
    after_stop,
    validations_block,
)
from canary_cli.steps.aftermath import validations


def test_after_stop_is_the_procedures_block() -> None:
    assert after_stop(Stopped(signals_disabled=True, open_positions=0, team_alerted=True)) == (
        "✅ System Status: SAFE\n"
        "   - Signal generation: DISABLED\n"
        "   - Open positions: 0\n"
        "   - Risk: MITIGATED\n"
        "   - Team: ALERTED\n"
        "\n"
        "☑️  Next Action: Investigate root cause (Stage 2)"
    )


def test_an_exchange_that_gave_no_answer_is_never_safe() -> None:
    block = after_stop(Stopped(signals_disabled=True, open_positions=None, team_alerted=False))
    assert block.startswith("❌ System Status: NOT SAFE")
    assert "Open positions: UNKNOWN" in block
    assert "Risk: NOT MITIGATED" in block
    assert "Team: NOT DONE" in block


def test_after_investigation_is_the_procedures_block() -> None:
    assert after_investigation(Investigated(True, Decimal("-124.32"), "a gap")) == (
        "✅ Documentation: COMPLETE\n"
        "   - Error logs: CAPTURED\n"
        "   - P&L: CALCULATED (-$124.32)\n"
        "   - Root cause: IDENTIFIED\n"
        "\n"
        "Options:\n"
        "  A) Database restore needed? → Stage 3\n"
        "  B) Data OK? → Proceed to post-mortem (Stage 4)"
    )


def test_a_root_cause_nobody_found_is_not_done() -> None:
    assert "Root cause: NOT DONE" in after_investigation(Investigated(True, Decimal(-1), ""))


def test_after_restore_is_the_procedures_block() -> None:
    assert after_restore(Restored(datetime(2026, 2, 22, 9, tzinfo=UTC), True)) == (
        "✅ Data Recovery: COMPLETE\n"
        "   - Database restored from 22 FEV 09:00\n"
        "   - Integrity verified: PASS\n"
        "   - System ready for restart\n"
        "\n"
        "☑️  Next Action: Post-mortem analysis (Stage 4)"
    )


def test_plain_terminals_get_ascii_alone() -> None:
    for text in (
        after_stop(Stopped(True, 0, True), unicode=False),
        after_investigation(Investigated(False, None, ""), unicode=False),
        after_restore(Restored(None, None), unicode=False),
        validations_block(validations(True, True, "CB-1", {}, {}), unicode=False),
    ):
        assert text.isascii()


def test_the_seven_validations_each_with_evidence_or_not_done() -> None:
    done = {"capture-logs": "captured", "pnl": "Total trades: 2\nNet P&L: -$3.00", "alert": "slack sent"}
    block = validations_block(validations(True, True, "CB-1", done, {"verify-db": "the database does not answer"}))
    assert block.splitlines() == [
        "☑ No open positions: verified at the exchange",
        "☑ Signal generation stopped: the latch is set",
        "☑ All error logs captured: captured",
        "☐ Database integrity verified: NOT DONE (the database does not answer)",
        "☑ P&L calculated: Total trades: 2; Net P&L: -$3.00",
        "☑ Team notified: slack sent",
        "☑ Incident logged in system: CB-1",
    ]


def test_a_ledger_that_was_looked_at_and_found_bad_is_not_verified() -> None:
    block = validations_block(validations(True, True, "CB-1", {"verify-db": "FAIL"}, {}))
    assert "☐ Database integrity verified: NOT DONE (FAIL)" in block
