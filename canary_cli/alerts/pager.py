"""PagerDuty, by Events API v2: one page per condition, however often it is said, and resolved by the same key."""

import logging
from typing import Any

from pagerduty import EventsApiV2Client
from pagerduty.errors import Error, HttpError

from canary_cli.alerts.alert import Alert, ChannelFailed

logging.getLogger("pagerduty").addHandler(logging.NullHandler())  # what failed is said once, by whoever asked

SUMMARY_LIMIT = 1024
DEDUP_KEY_LIMIT = 255


class Pager:
    """`source` is `<kind>/<account>`. Extra keywords (`transport`, `verify`) go to the HTTP client underneath."""

    name = "pagerduty"

    def __init__(self, routing_key: str, source: str, base_url: str | None = None, **http: Any) -> None:
        self._client = EventsApiV2Client(routing_key, base_url=base_url, **http)
        # The courier asks again for a day; here one more try is enough. Unset, a 429 is asked again without end.
        self._client.retry = dict.fromkeys((429, 500, 502, 503, 504), 1)
        self._client.max_network_attempts = 1  # unset, a dead network blocks for 21 s
        self._client.sleep_timer = 0.2
        self._client.timeout = 5
        self._source = source

    def wants(self, alert: Alert) -> bool:
        return alert.pages

    def deliver(self, alert: Alert) -> str:
        try:
            if alert.resolves:
                return str(self._client.resolve(self.dedup_key(alert)))
            return str(
                self._client.trigger(
                    alert.message[:SUMMARY_LIMIT],
                    self._source,
                    dedup_key=self.dedup_key(alert),
                    severity=alert.severity.lower(),  # unset, everything is critical
                    custom_details={"incident": alert.incident, "condition": alert.condition},
                )
            )
        except HttpError as error:
            status = error.response.status_code if error.response else 0
            raise ChannelFailed(f"pagerduty answered {status}", final=400 <= status < 429) from None
        except Error as error:
            raise ChannelFailed(f"pagerduty: {type(error.__cause__ or error).__name__}") from None

    def probe(self) -> None:
        """Resolves a condition that never was: a wrong key is refused, a right one changes nothing."""
        self.deliver(Alert("preflight", condition="preflight", resolves=True))

    def dedup_key(self, alert: Alert) -> str:
        """Stable, without time: the same condition of the same account is the same page."""
        return f"canary/{self._source}/{alert.condition or alert.incident or 'message'}"[:DEDUP_KEY_LIMIT]
