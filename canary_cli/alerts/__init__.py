"""Telling the team: Slack for everybody, PagerDuty for who must wake up, and an outbox so that nothing said is lost.

An alert never delays trading and never raises into it: `send` writes the outbox, hands over, and returns.
The libraries behind the channels are imported only where a channel is configured.
"""

from collections.abc import Callable

from pydantic import SecretStr

from canary_cli.accounts import Account
from canary_cli.alerts.alert import Alert, Alerts, Channel, Delivery, Fate, Receipt, RecordedAlerts, Severity
from canary_cli.alerts.courier import Courier
from canary_cli.alerts.outbox import Outbox
from canary_cli.core.clock import SystemClock
from canary_cli.journal.crash import MASK, mask
from canary_cli.settings import Settings

__all__ = ["Alert", "Alerts", "Delivery", "Fate", "Receipt", "RecordedAlerts", "Severity", "channels", "open_alerts"]


def open_alerts(settings: Settings, account: Account) -> Courier:
    """The account's courier, started; with no channel configured it reaches nobody and says so in each receipt."""
    courier = Courier(
        channels(settings, account),
        Outbox(account.state_dir / "outbox.jsonl", SystemClock().wall),
        _masked_by(settings),
    )
    courier.start()
    return courier


def _masked_by(settings: Settings) -> Callable[[str], str]:
    """Takes out what `mask` knows, and the secrets that stand in `.env` only."""
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]

    def masked(text: str) -> str:
        for secret in filter(None, secrets):
            text = text.replace(secret, MASK)
        return mask(text)

    return masked


def channels(settings: Settings, account: Account) -> list[Channel]:
    """What is configured. Nobody is woken for a paper account: it has no pager."""
    found: list[Channel] = []
    if settings.slack_bot_token:
        from canary_cli.alerts.slack import Slack

        found.append(
            Slack(
                settings.slack_bot_token.get_secret_value(),
                settings.slack_channel,
                f"{account.name} {account.kind.upper()}",
                account.state_dir / "slack-threads.json",
                settings.slack_api_url,
            )
        )
    if settings.pagerduty_routing_key and not account.is_paper:
        from canary_cli.alerts.pager import Pager

        key = settings.pagerduty_routing_key.get_secret_value()
        found.append(Pager(key, f"{account.kind}/{account.name}", settings.pagerduty_api_url))
    return found
