"""Say something to the team, and wait a little to learn whether it was heard."""

import asyncio
from contextlib import suppress

from canary_cli.alerts import Alert, Delivery, Fate
from canary_cli.bootstrap import World
from canary_cli.errors import ConfigurationError, ExitCode, Result
from canary_cli.journal.crash import mask
from canary_cli.journal.record import Record

PATIENCE_SECONDS = 15.0  # wall time; two tries of Slack and PagerDuty fit in


async def send_alert(world: World, alert: Alert) -> tuple[Delivery, ...]:
    """What became of the alert, channel by channel. Raises ConfigurationError when no channel would carry it."""
    receipt = world.alerts.send(alert)
    if not receipt.deliveries:
        raise ConfigurationError(
            "nobody would hear it: SLACK_BOT_TOKEN is not set",
            f"set SLACK_BOT_TOKEN or SLACK_BOT_TOKEN_FILE, in the environment or in {world.home / '.env'}",
        )
    deliveries = await asyncio.to_thread(receipt.wait, PATIENCE_SECONDS)
    with suppress(OSError):  # said to people is said, whatever the disk does
        world.journal.append(_record(alert, deliveries))
    return deliveries


def result(deliveries: tuple[Delivery, ...]) -> Result:
    fates = {delivery.fate for delivery in deliveries}
    if Fate.FAILED in fates:
        return Result("NOT_SENT", ExitCode.CONFIGURATION)
    return Result("QUEUED", ExitCode.DEADLINE) if Fate.WAITING in fates else Result("SENT")


def _record(alert: Alert, deliveries: tuple[Delivery, ...]) -> Record:
    data = {
        "severity": alert.severity,
        "channel": alert.channel,
        "message": mask(alert.message),
        "sent": {delivery.channel: delivery.fate for delivery in deliveries},
    }
    return Record("alert", actor="canary alert", data=data)
