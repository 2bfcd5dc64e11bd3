"""PagerDuty's client over its own HTTP layer, with the far end played by a function."""

import json
from collections.abc import Callable

import httpx2
import pytest

from canary_cli.alerts.alert import Alert, ChannelFailed, Severity
from canary_cli.alerts.pager import Pager

BREAKER = Alert("breaker triggered", Severity.CRITICAL, condition="breaker", incident="CB-2026-0222-001")


class FarEnd:
    def __init__(self, answer: Callable[[], httpx2.Response]) -> None:
        self.heard: list[dict[str, object]] = []
        self._answer = answer

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.heard.append(json.loads(request.content))
        return self._answer()


def accepted() -> httpx2.Response:
    return httpx2.Response(202, json={"status": "success", "dedup_key": "k"})


def pager(far_end: FarEnd) -> Pager:
    pager = Pager("routing-key", "live/desk", transport=httpx2.MockTransport(far_end))
    pager._client.sleep_timer = 0
    return pager


def test_a_page_carries_its_severity_and_a_key_without_time() -> None:
    far_end = FarEnd(accepted)
    pager(far_end).deliver(BREAKER)
    (event,) = far_end.heard
    assert event["event_action"] == "trigger"
    assert event["dedup_key"] == "canary/live/desk/breaker"
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["source"] == "live/desk"


def test_the_end_of_a_condition_resolves_the_same_page() -> None:
    far_end = FarEnd(accepted)
    pager(far_end).deliver(Alert("streams are back", condition="user-stream", resolves=True))
    assert far_end.heard[0] | {"routing_key": ""} == {
        "event_action": "resolve",
        "dedup_key": "canary/live/desk/user-stream",
        "routing_key": "",
    }


@pytest.mark.parametrize(
    ("alert", "pages"),
    [
        (Alert("m", Severity.INFO), False),
        (Alert("m", Severity.WARNING), False),
        (Alert("m", Severity.CRITICAL), True),
        (Alert("m", Severity.INFO, resolves=True), True),
    ],
)
def test_only_what_must_wake_somebody_pages(alert: Alert, pages: bool) -> None:
    assert pager(FarEnd(accepted)).wants(alert) is pages


@pytest.mark.parametrize(
    ("status", "tries", "final"), [(429, 2, False), (500, 2, False), (400, 1, True), (403, 1, True)]
)
def test_no_answer_is_asked_for_without_end(status: int, tries: int, final: bool) -> None:
    far_end = FarEnd(lambda: httpx2.Response(status, text="no"))
    with pytest.raises(ChannelFailed, match=f"pagerduty answered {status}") as failure:
        pager(far_end).deliver(BREAKER)
    assert len(far_end.heard) == tries
    assert failure.value.final is final


def test_a_dead_network_is_tried_twice_and_named_without_the_key() -> None:
    def dead() -> httpx2.Response:
        raise httpx2.ConnectError("no route")

    far_end = FarEnd(dead)
    with pytest.raises(ChannelFailed, match="ConnectError") as failure:
        pager(far_end).deliver(BREAKER)
    assert len(far_end.heard) == 2
    assert "routing-key" not in str(failure.value)


def test_a_probe_wakes_nobody() -> None:
    far_end = FarEnd(accepted)
    pager(far_end).probe()
    assert [event["event_action"] for event in far_end.heard] == ["resolve"]
