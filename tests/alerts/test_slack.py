"""Slack, spoken to over a real socket."""

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from canary_cli.alerts.alert import Alert, ChannelFailed, Severity
from canary_cli.alerts.slack import Slack

POST = "/api/chat.postMessage"


@pytest.fixture
def slack(httpserver: HTTPServer, tmp_path: Path) -> Slack:
    return Slack("xoxb-t", "#crypto-alerts", "desk-live LIVE", tmp_path / "threads.json", httpserver.url_for("/api/"))


def body(request: Request) -> dict[str, object]:
    return json.loads(request.get_data())


def test_a_message_says_how_bad_it_is_and_which_account_it_is_about(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_request(POST).respond_with_json({"ok": True, "ts": "1.0"})
    slack.deliver(Alert("breaker triggered", Severity.CRITICAL))
    request, _ = httpserver.log[0]
    assert request.headers["Authorization"] == "Bearer xoxb-t"
    assert body(request)["channel"] == "#crypto-alerts"
    assert body(request)["text"] == "CRITICAL [desk-live LIVE] breaker triggered"


def test_what_an_exchange_said_cannot_become_a_mention(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_request(POST).respond_with_json({"ok": True, "ts": "1.0"})
    slack.deliver(Alert("<!channel> & more"))
    assert "&lt;!channel&gt; &amp; more" in body(httpserver.log[0][0])["text"]


def test_an_incident_is_one_thread_also_for_a_second_process(
    httpserver: HTTPServer, slack: Slack, tmp_path: Path
) -> None:
    httpserver.expect_request(POST).respond_with_json({"ok": True, "ts": "77.1"})
    slack.deliver(Alert("rolling back", Severity.CRITICAL, incident="CB-2026-0222-001"))
    later = Slack("xoxb-t", "#crypto-alerts", "desk-live LIVE", tmp_path / "threads.json", httpserver.url_for("/api/"))
    later.deliver(Alert("verified flat", incident="CB-2026-0222-001"))
    later.deliver(Alert("something else"))
    assert [body(request).get("thread_ts") for request, _ in httpserver.log] == [None, "77.1", None]


def test_the_alert_may_name_another_channel(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_request(POST).respond_with_json({"ok": True, "ts": "1.0"})
    slack.deliver(Alert("hello", channel="#ops"))
    assert body(httpserver.log[0][0])["channel"] == "#ops"


@pytest.mark.parametrize(
    ("said", "final"), [("channel_not_found", True), ("invalid_auth", True), ("internal_error", False)]
)
def test_a_refusal_is_final_and_a_hiccup_is_not(httpserver: HTTPServer, slack: Slack, said: str, final: bool) -> None:
    httpserver.expect_request(POST).respond_with_json({"ok": False, "error": said})
    with pytest.raises(ChannelFailed, match=f"slack said {said} for #crypto-alerts") as failure:
        slack.deliver(Alert("hello"))
    assert failure.value.final is final


def test_being_asked_to_wait_is_waited_for(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_ordered_request(POST).respond_with_response(
        Response('{"ok": false, "error": "ratelimited"}', 429, {"Retry-After": "0"}, content_type="application/json")
    )
    httpserver.expect_ordered_request(POST).respond_with_json({"ok": True, "ts": "2.0"})
    assert slack.deliver(Alert("hello")) == "2.0"


def test_a_broken_server_may_be_asked_again(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_request(POST).respond_with_data("oops", status=502)
    with pytest.raises(ChannelFailed, match="502") as failure:
        slack.deliver(Alert("hello"))
    assert not failure.value.final


def test_no_network_is_said_without_the_token(tmp_path: Path) -> None:
    slack = Slack("xoxb-secret", "#x", "paper PAPER", tmp_path / "threads.json", "http://127.0.0.1:9/api/")
    with pytest.raises(ChannelFailed) as failure:
        slack.deliver(Alert("hello"))
    assert not failure.value.final
    assert "xoxb-secret" not in str(failure.value)


def test_a_probe_proves_the_token_and_says_nothing(httpserver: HTTPServer, slack: Slack) -> None:
    httpserver.expect_ordered_request("/api/auth.test").respond_with_json({"ok": True})
    httpserver.expect_ordered_request("/api/auth.test").respond_with_json({"ok": False, "error": "invalid_auth"})
    slack.probe()
    with pytest.raises(ChannelFailed, match="invalid_auth"):
        slack.probe()
    assert [request.path for request, _ in httpserver.log] == ["/api/auth.test"] * 2
