"""What is said to the team, to whom it goes, and what became of it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class Alert:
    """`condition` names what is wrong in a stable way (`breaker`, `user-stream`), so that a repeat updates one page.

    `incident` threads messages together; `channel` empty means the configured one; `resolves` ends a condition.
    """

    message: str
    severity: Severity = Severity.INFO
    condition: str = ""
    incident: str = ""
    channel: str = ""
    resolves: bool = False

    @property
    def pages(self) -> bool:
        """Whether somebody must wake up for it, or may sleep again."""
        return self.severity is Severity.CRITICAL or self.resolves


class Fate(StrEnum):
    SENT = "sent"
    FAILED = "failed"  # refused for good: a wrong token, an unknown channel
    WAITING = "waiting"  # in the outbox; tried again until it is a day old


@dataclass(frozen=True, slots=True)
class Delivery:
    channel: str
    fate: Fate
    detail: str = ""


class ChannelFailed(Exception):
    """One attempt failed. `final`: the channel understood and refused, so trying again unchanged is useless."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class Channel(Protocol):
    """One way to reach people. `deliver` blocks for seconds at most and raises ChannelFailed."""

    @property
    def name(self) -> str: ...

    def wants(self, alert: Alert) -> bool: ...

    def deliver(self, alert: Alert) -> str:
        """Returns what the channel called the message (a timestamp, a dedup key)."""
        ...

    def probe(self) -> None:
        """Proves address and credentials without a word to anybody."""
        ...


class Receipt:
    """What became of one alert, channel by channel. Safe to ask from any thread."""

    def __init__(self, channels: Sequence[str] = ()) -> None:
        self._fates = {name: Delivery(name, Fate.WAITING) for name in channels}
        self._changed = threading.Condition()

    def record(self, delivery: Delivery) -> None:
        with self._changed:
            self._fates[delivery.channel] = delivery
            self._changed.notify_all()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        with self._changed:
            return tuple(self._fates.values())

    def wait(self, seconds: float) -> tuple[Delivery, ...]:
        """The deliveries once all are settled, or as they stand after `seconds` of wall time."""
        with self._changed:
            self._changed.wait_for(self._settled, timeout=seconds)
            return tuple(self._fates.values())

    def _settled(self) -> bool:
        return all(delivery.fate is not Fate.WAITING for delivery in self._fates.values())


class Alerts(Protocol):
    """The port everybody else sees."""

    def send(self, alert: Alert) -> Receipt: ...

    def close(self) -> None:
        """Gives what is under way a few seconds; what is left stays in the outbox."""
        ...


class RecordedAlerts:
    """The in-memory twin: keeps what was said, as one channel that takes everything at once."""

    def __init__(self) -> None:
        self.sent: list[Alert] = []

    def send(self, alert: Alert) -> Receipt:
        self.sent.append(alert)
        receipt = Receipt()
        receipt.record(Delivery("memory", Fate.SENT))
        return receipt

    def close(self) -> None:
        """Nothing is under way."""
