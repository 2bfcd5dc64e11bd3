"""`canary alert` as typed, with Slack played by a local server."""

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from canary_cli.app import run
from canary_cli.journal.reader import read
from canary_cli.settings import Settings
from canary_cli.steps import alert as step

TOKEN = "xoxb-not-for-eyes"
POST = "/api/chat.postMessage"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setenv("CANARY_ACCOUNT", "paper")
    return tmp_path


@pytest.fixture
def slack(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_API_URL", httpserver.url_for("/api/"))
    return httpserver


def test_the_owners_line_reaches_the_channel(slack: HTTPServer, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slack.expect_request(POST).respond_with_json({"ok": True, "ts": "1771754400.1"})
    words = "🚨 CANARY ROLLBACK INITIATED: Circuit breaker triggered"
    assert run(["alert", "--message", words, "--channel", "#crypto-alerts", "--severity", "CRITICAL"]) == 0
    said = json.loads(slack.log[0][0].get_data())
    assert (said["channel"], said["text"]) == ("#crypto-alerts", f"CRITICAL [paper PAPER] {words}")
    shown = capsys.readouterr()
    assert shown.out == "slack: sent (1771754400.1)\n"
    assert shown.err == "ACCOUNT paper PAPER\nRESULT SENT exit=0\n"
    (entry,) = read(home / "logs" / "paper")
    assert entry.data == {
        "severity": "CRITICAL",
        "channel": "#crypto-alerts",
        "message": words,
        "sent": {"slack": "sent"},
    }


def test_without_a_token_the_missing_variable_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alert", "--message", "hello"]) == 78
    assert "SLACK_BOT_TOKEN" in capsys.readouterr().err


def test_a_hash_the_shell_ate_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alert", "--message", "hello", "--channel"]) == 2
    assert "comment to the shell" in capsys.readouterr().err


def test_a_refusal_is_not_sent_and_shows_no_token(slack: HTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    slack.expect_request(POST).respond_with_json({"ok": False, "error": "channel_not_found"})
    assert run(["alert", "--message", f"token {TOKEN}", "--channel", "#nowhere", "--json"]) == 78
    shown = capsys.readouterr()
    (delivery,) = json.loads(shown.out)["deliveries"]
    assert delivery == {"channel": "slack", "fate": "failed", "detail": "slack said channel_not_found for #nowhere"}
    assert TOKEN not in shown.out + shown.err + slack.log[0][0].get_data(as_text=True)


def test_what_cannot_be_delivered_now_is_kept(
    slack: HTTPServer, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slack.expect_request(POST).respond_with_data("", status=503)
    monkeypatch.setattr(step, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("canary_cli.alerts.courier.Courier.close", lambda _: None)
    assert run(["alert", "--message", "hello"]) == 124
    assert capsys.readouterr().err.endswith("RESULT QUEUED exit=124\n")
    assert '"message": "hello"' in (home / ".canary" / "paper" / "outbox.jsonl").read_text()
