"""A crash report tells what happened and no secret."""

import stat
import tempfile
from pathlib import Path

from canary_cli.journal.crash import write_crash_report


def test_a_report_lies_under_logs_readable_by_its_owner_alone(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    path = write_crash_report("Traceback\nValueError: 1\n")
    assert path.parent == tmp_path / "logs"
    assert path.name.startswith("crash-")
    assert "ValueError: 1" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_usable_home_it_lies_in_the_temporary_folder(monkeypatch):
    monkeypatch.setenv("CANARY_HOME", "relative/path")
    path = write_crash_report("x")
    try:
        assert path.exists()
    finally:
        path.unlink()


def test_a_home_that_takes_no_line_leaves_it_to_the_temporary_folder(tmp_path: Path, monkeypatch):
    home, spare = tmp_path / "home", tmp_path / "spare"
    home.mkdir()
    spare.mkdir()
    (home / "logs").write_text("a file where a folder should be")
    monkeypatch.setenv("CANARY_HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    assert write_crash_report("x").parent == spare


def test_known_secrets_are_masked(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    secret_file = tmp_path / "token"
    secret_file.write_text("from-a-file-123\n")
    monkeypatch.setenv("API_TOKEN_FILE", str(secret_file))
    monkeypatch.setenv("DB_PASS", "hunter2hunter2")
    key = "A1" * 32
    text = f"hunter2hunter2 from-a-file-123 mysql://u:pw@db/x xoxb-12-ab Bearer abc.def {key} plain words"
    report = write_crash_report(text).read_text()
    for secret in ("hunter2", "from-a-file", "u:pw", "xoxb-12", "abc.def", key):
        assert secret not in report
    assert "plain words" in report
