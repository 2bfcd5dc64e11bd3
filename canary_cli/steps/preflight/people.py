"""Checks that somebody hears and watches: alert channels and monitoring."""

import asyncio

import aiohttp

from canary_cli.alerts import channels
from canary_cli.alerts.alert import Channel, ChannelFailed
from canary_cli.steps.preflight.finding import Finding, failed, passed, skipped
from canary_cli.steps.preflight.scene import Scene

MONITORING_SECONDS = 3.0


async def alerts(scene: Scene) -> Finding:
    """Every channel is asked, in a way that says nothing to anybody."""
    if scene.account.is_paper:
        return skipped("nobody is woken for paper")
    found = channels(scene.world.settings, scene.account)
    missing = {"slack": "SLACK_BOT_TOKEN", "pagerduty": "PAGERDUTY_ROUTING_KEY"}
    for channel in found:
        missing.pop(channel.name, None)
    if missing:
        return failed(f"not configured: {', '.join(missing)}", f"set {' and '.join(missing.values())}")
    faults = [fault for fault in await asyncio.gather(*(_fault(channel) for channel in found)) if fault]
    return (
        failed("; ".join(faults), "canary alert --message test says more")
        if faults
        else passed("slack, pagerduty answer")
    )


async def _fault(channel: Channel) -> str:
    try:
        await asyncio.to_thread(channel.probe)
    except ChannelFailed as failure:
        return failure.reason
    return ""


async def monitoring(scene: Scene) -> Finding:
    """Prometheus' own readiness page."""
    url = scene.world.settings.prometheus_url
    if not url:
        return skipped("PROMETHEUS_URL is not set")
    ready = f"{url.rstrip('/')}/-/ready"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=MONITORING_SECONDS)) as session,
            session.get(ready) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return failed(f"{ready}: {type(error).__name__}", "start it, or unset PROMETHEUS_URL")
    return passed(f"{ready}: ready") if status == 200 else failed(f"{ready}: {status}", "it starts up, or is ill")
