"""A post-mortem writes itself from the journal until a person has written into it, and is committed alone."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_cli.accounts import Account, paper_account
from canary_cli.errors import Refused, UsageError
from canary_cli.journal.reader import read
from canary_cli.journal.record import Entry
from canary_cli.steps import postmortem
from canary_cli.steps.committing import NotCommitted, commit_files
from canary_cli.steps.postmortem import write_postmortem
from tests.docs.commands import ROOT
from tests.steps.runs import BROKEN, GOOD, Line, broken_run, good_run, line, piece, started, write_run

INCIDENT = "CB-2026-0222-001"


def account_with(home: Path, lines: Iterator[Line], run_id: str = BROKEN) -> Account:
    account = paper_account(home)
    account.log_dir.mkdir(parents=True, exist_ok=True)
    write_run(account.log_dir, lines, run_id)
    return account


def git(home: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(home), *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))  # no identity of whoever runs the suite
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    home = tmp_path / "checkout"
    home.mkdir()
    git(home, "init", "--quiet")
    (home / ".gitignore").write_text("logs/\n")
    return home


def test_lines_that_were_read_before_are_not_read_again_and_newer_ones_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_with(tmp_path, broken_run())
    whole = write_postmortem(account).path.read_text()
    told, asked = list(read(account.log_dir))[:10], []

    def reading(folder: Path, after_seq: int) -> Iterator[Entry]:
        asked.append(after_seq)
        return read(folder, after_seq=after_seq)

    monkeypatch.setattr(postmortem, "read", reading)
    assert write_postmortem(account, told=told).path.read_text() == whole
    assert asked == [told[-1].seq]


def test_the_template_is_filled_and_what_only_people_know_is_left_open(tmp_path: Path) -> None:
    written = write_postmortem(account_with(tmp_path, broken_run()))
    text = written.path.read_text()
    assert written.path == tmp_path / "logs" / "incidents" / INCIDENT / "post-mortem.md"
    for expected in (
        "# INCIDENT POST-MORTEM — CANARY ROLLBACK",
        f"**Incident ID:** {INCIDENT}",
        "**Date/Time:** 22 FEV 2026 10:45 UTC",
        "**Duration:** 45 minutes (Canary Phase 1)",
        "- P&L: -$310.20",
        "- Positions affected: 2",
        "1. Immediate position closure (420 ms, 2 positions)",
        "5. Database snapshot taken (500 ms, backup.db.gz)",
        "- [ ] Code fix",
        "- [ ] CODE: fix the code and redeploy in the next window",
        "| 10:45:06 | FLAT, verified at the exchange |",
        "- Is P&L > -2 %? -3.11%: NO: POSTPONE RESTART; full review and approval required",
        "suspected MARKET, a person decides",
        "- Database corrupted? NO",
        "- Dev: [Signature]",
    ):
        assert expected in text


def test_what_was_not_done_says_so(tmp_path: Path) -> None:
    lines = (one for one in broken_run() if one[1].event != "step_finished")
    text = write_postmortem(account_with(tmp_path, lines)).path.read_text()
    assert "4. Error logs captured: NOT DONE" in text
    assert "3. Team alerted: NOT DONE" in text


def test_written_again_it_is_the_same_and_an_edited_one_is_kept(tmp_path: Path) -> None:
    account = account_with(tmp_path, broken_run())
    first = write_postmortem(account)
    before = first.path.read_bytes()
    assert not write_postmortem(account).kept
    assert first.path.read_bytes() == before
    edited = first.path.read_text().replace("[Technical root cause analysis]", "A gap through the stops.")
    first.path.write_text(edited)
    assert write_postmortem(account).kept
    assert first.path.read_text() == edited


def test_a_draft_that_nobody_touched_takes_up_what_happened_since(tmp_path: Path) -> None:
    early = [one for one in broken_run() if one[1].event not in ("step_finished", "run_ended")]
    account = account_with(tmp_path, iter(early))
    write_postmortem(account)
    late = [one for one in broken_run() if one[1].event == "step_finished"]
    write_run(account.log_dir, iter(late), BROKEN)
    assert "4. Error logs captured (500 ms, captured)" in write_postmortem(account).path.read_text()


def test_a_rollback_typed_where_no_run_ever_was_has_a_post_mortem_too(tmp_path: Path) -> None:
    lines = [line(1, "incident_opened", "", incident=INCIDENT, cause="drill"), line(2, "flat", "", positions=0)]
    assert write_postmortem(account_with(tmp_path, iter(lines))).incident == INCIDENT


def test_without_an_incident_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no incident") as refused:
        write_postmortem(account_with(tmp_path, good_run(), GOOD))
    assert refused.value.hint == "canary incidents"


def test_an_unknown_incident_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write_postmortem(account_with(tmp_path, broken_run()), "../../etc")
    assert INCIDENT in refused.value.message


def test_commit_takes_exactly_that_file_without_an_identity_and_again_without_a_change(repository: Path) -> None:
    account = account_with(repository, broken_run())
    (repository / "other.txt").write_text("somebody's work")
    git(repository, "add", "other.txt")
    written = write_postmortem(account, commit=True)
    shown = git(repository, "show", "--stat=200", "--format=%s", "HEAD")
    assert "post-mortem.md" in shown
    assert "other.txt" not in shown
    assert git(repository, "diff", "--cached", "--name-only").split() == ["other.txt"]
    assert write_postmortem(account, commit=True).commit == written.commit


def test_a_secret_in_the_document_keeps_it_out_of_git(repository: Path) -> None:
    account = account_with(repository, broken_run())
    path = write_postmortem(account).path
    path.write_text(path.read_text() + f"\nthe key was {account.api_secret}\n")
    with pytest.raises(Refused, match="holds a secret"):
        write_postmortem(account, commit=True)
    assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""


def test_digests_are_no_secrets(repository: Path) -> None:
    file = repository / "manifest.json"
    file.write_text("a3" * 32)
    assert commit_files(paper_account(repository), [file], "Evidence")


def test_a_folder_without_git_says_what_git_said(tmp_path: Path) -> None:
    account = account_with(tmp_path, iter([*broken_run()]))
    with pytest.raises(NotCommitted, match="not a git repository"):
        write_postmortem(account, commit=True)


def test_the_newest_of_two_rollbacks_is_meant(tmp_path: Path) -> None:
    account = account_with(tmp_path, broken_run())
    again = [started("later"), line(50, "incident_opened", "later", incident="CB-2026-0222-002", cause="breaker")]
    write_run(account.log_dir, iter(again), "later")
    assert write_postmortem(account).incident == "CB-2026-0222-002"
    assert write_postmortem(account, INCIDENT).run_id == BROKEN


def test_the_exchanges_figure_beats_the_journals_fills(tmp_path: Path) -> None:
    lines = [*broken_run(), piece("pnl", "-95.50 USDT")]
    text = write_postmortem(account_with(tmp_path, iter(lines))).path.read_text()
    assert "- P&L: -$95.50" in text
    assert "- Is P&L > -2 %? -0.96%: YES" in text


def test_the_tree_is_the_runbooks_own_and_knows_the_cause_that_was_found(tmp_path: Path) -> None:
    runbook = (ROOT / "runbooks" / "rollback.toml").read_text()
    (tmp_path / "runbooks").mkdir()
    changed = runbook.replace("review_below = -2.0", "review_below = -4.0").replace("adjust the parameters", "do less")
    (tmp_path / "runbooks" / "rollback.toml").write_text(changed)
    found = line(46, "incident_updated", BROKEN, incident=INCIDENT, root_cause="MARKET")
    text = write_postmortem(account_with(tmp_path, iter([*broken_run(), found]))).path.read_text()
    assert "- Is P&L > -4.0 %? -3.11%: YES: proceed" in text
    assert "- Root cause found? MARKET:" in text
    assert "- [x] MARKET: do less, then retry" in text


def test_a_ledger_that_fails_verification_is_to_be_restored(tmp_path: Path) -> None:
    found = line(46, "incident_updated", BROKEN, incident=INCIDENT, is_corrupted=True)
    lines = [*broken_run(), piece("verify-db", "Order states: odd"), found]
    assert "corrupted? YES: restore" in write_postmortem(account_with(tmp_path, iter(lines))).path.read_text()
