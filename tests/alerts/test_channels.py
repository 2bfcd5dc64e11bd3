"""Which channels an account has: what is configured, and no pager for paper."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from canary_cli.accounts import Account, paper_account
from canary_cli.alerts import Alert, Delivery, Fate, Severity, channels, open_alerts
from canary_cli.bootstrap import World
from canary_cli.errors import ConfigurationError
from canary_cli.settings import Settings
from canary_cli.steps.alert import result, send_alert

BOTH = Settings(slack_bot_token=SecretStr("xoxb-t"), pagerduty_routing_key=SecretStr("only-in-dotenv"))
NONE = Settings(slack_bot_token=None, pagerduty_routing_key=None)


def desk(home: Path) -> Account:
    return Account("desk", "live", "https://x", "wss://x", home, "k", "s")


def test_live_has_both_and_paper_wakes_nobody(tmp_path: Path) -> None:
    assert [channel.name for channel in channels(BOTH, desk(tmp_path))] == ["slack", "pagerduty"]
    assert [channel.name for channel in channels(BOTH, paper_account(tmp_path))] == ["slack"]


def test_nothing_configured_reaches_nobody_and_says_so(tmp_path: Path) -> None:
    courier = open_alerts(NONE, desk(tmp_path))
    assert courier.send(Alert("breaker", Severity.CRITICAL)).wait(0) == ()
    courier.close()
    assert not (tmp_path / ".canary").exists()


def test_a_secret_that_stands_in_dotenv_only_is_masked_too(tmp_path: Path) -> None:
    courier = open_alerts(BOTH.model_copy(update={"slack_api_url": "http://127.0.0.1:9/"}), paper_account(tmp_path))
    courier.send(Alert("key only-in-dotenv refused"))
    courier.close(0.01)
    assert "only-in-dotenv" not in (tmp_path / ".canary" / "paper" / "outbox.jsonl").read_text()


async def test_the_step_refuses_when_nobody_would_hear(tmp_path: Path) -> None:
    world = World(paper_account(tmp_path))
    world.alerts = open_alerts(NONE, world.account)
    with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN"):
        await send_alert(world, Alert("hello"))
    world.alerts.close()


def test_one_channel_that_waits_or_refuses_decides_how_it_ends() -> None:
    sent, waiting, failed = (Delivery(fate.value, fate) for fate in (Fate.SENT, Fate.WAITING, Fate.FAILED))
    assert [result(these).word for these in ((sent,), (sent, waiting), (sent, waiting, failed))] == [
        "SENT",
        "QUEUED",
        "NOT_SENT",
    ]
