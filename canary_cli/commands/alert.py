"""`canary alert`"""

import asyncio
from typing import Annotated

import typer

from canary_cli.alerts.alert import Alert, Delivery, Severity
from canary_cli.bootstrap import World, open_world
from canary_cli.commands import options
from canary_cli.errors import Result


def command(
    message: Annotated[str, typer.Option(help="What to say.")],
    channel: Annotated[str, typer.Option(help="Slack channel, quoted: '#crypto-alerts'. Default: SLACK_CHANNEL.")] = "",
    severity: Annotated[
        Severity, typer.Option(case_sensitive=False, help="CRITICAL also pages, on accounts that are not paper.")
    ] = Severity.INFO,
    incident: Annotated[str, typer.Option(help="The incident it belongs to: one Slack thread each.")] = "",
    account: options.Account = None,
    as_json: options.Json = False,
) -> Result:
    """Say something to the team on Slack; with --severity CRITICAL also on PagerDuty.

    What cannot be delivered now stays in the account's outbox and is said by the next canary process that alerts.
    """
    from canary_cli.render import output
    from canary_cli.steps import alert as step

    world = open_world(account, keyless=True)
    output.announce(world.account)
    alert = Alert(message, severity, incident=incident, channel=channel)
    deliveries = asyncio.run(_send(world, alert))
    result = step.result(deliveries)
    if as_json:
        output.print_document({"deliveries": deliveries, "reason": result.word, "exit_code": result.code})
    else:
        for delivery in deliveries:
            output.line(_line(delivery))
    return result


async def _send(world: World, alert: Alert) -> tuple[Delivery, ...]:
    from canary_cli.steps.alert import send_alert

    async with world:
        return await send_alert(world, alert)


def _line(delivery: Delivery) -> str:
    detail = f" ({delivery.detail})" if delivery.detail else ""
    return f"{delivery.channel}: {delivery.fate}{detail}"
