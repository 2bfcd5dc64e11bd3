"""Slack, by `chat.postMessage`: the first message of an incident opens a thread, the others go into it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RateLimitErrorRetryHandler

from canary_cli.alerts.alert import Alert, ChannelFailed

TIMEOUT_SECONDS = 5
SECTION_LIMIT = 2900  # Slack refuses a section beyond 3000 characters
# What may succeed when asked again unchanged; every other error is a refusal (docs.slack.dev, chat.postMessage).
PASSING_ERRORS = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
}


class Slack:
    """`threads` is the file that remembers each incident's first message, so another process finds the thread."""

    name = "slack"

    def __init__(
        self, token: str, channel: str, sender: str, threads: Path, base_url: str = WebClient.BASE_URL
    ) -> None:
        self._client = WebClient(token=token, base_url=base_url, timeout=TIMEOUT_SECONDS)
        self._client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
        self._channel = channel
        self._sender = sender
        self._threads = threads

    def wants(self, alert: Alert) -> bool:  # noqa: ARG002
        return True

    def deliver(self, alert: Alert) -> str:
        channel = alert.channel or self._channel
        parent = self._thread_of(alert, channel)
        with _translated(channel):
            reply = self._client.chat_postMessage(
                channel=channel, text=self._headline(alert), blocks=self._blocks(alert), thread_ts=parent or None
            )
        timestamp = str(reply["ts"])
        if alert.incident and not parent:
            self._remember(alert, channel, timestamp)
        return timestamp

    def probe(self) -> None:
        """`auth.test` proves the token; whether the bot is in the channel shows with the first message."""
        with _translated(self._channel):
            self._client.auth_test()

    def _headline(self, alert: Alert) -> str:
        word = "RESOLVED" if alert.resolves else alert.severity
        return escape(f"{word} [{self._sender}] {alert.message}")[:SECTION_LIMIT]

    def _blocks(self, alert: Alert) -> list[dict[str, object]]:
        context = " · ".join(part for part in (self._sender, alert.incident, alert.condition) if part)
        return [
            {"type": "section", "text": {"type": "mrkdwn", "text": self._headline(alert)}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": escape(context)}]},
        ]

    def _thread_of(self, alert: Alert, channel: str) -> str:
        return self._known_threads().get(f"{alert.incident} {channel}", "") if alert.incident else ""

    def _known_threads(self) -> dict[str, str]:
        try:
            known = json.loads(self._threads.read_text())
        except (OSError, ValueError):
            return {}  # a lost thread costs a second parent message, nothing more
        return known if isinstance(known, dict) else {}

    def _remember(self, alert: Alert, channel: str, timestamp: str) -> None:
        threads = self._known_threads() | {f"{alert.incident} {channel}": timestamp}
        partial = self._threads.with_suffix(".partial")
        try:
            partial.write_text(json.dumps(threads))
            partial.replace(self._threads)
        except OSError:
            return  # the message went out, which is what counts


def escape(text: str) -> str:
    """Slack's three control characters, so that nothing an exchange or a log said becomes a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@contextmanager
def _translated(channel: str) -> Iterator[None]:
    """Slack's ways to fail, as ChannelFailed."""
    try:
        yield
    except SlackApiError as error:
        status = getattr(error.response, "status_code", 200)
        said = error.response.get("error", "") if status in (200, 429) else ""
        final = status < 429 and said not in PASSING_ERRORS
        raise ChannelFailed(f"slack said {said or status} for {channel}", final=final) from None
    except Exception as error:  # urllib, socket and TLS failures have no common parent
        raise ChannelFailed(f"slack: {type(error).__name__}: {error}") from None
