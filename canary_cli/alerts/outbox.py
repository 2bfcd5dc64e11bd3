"""What must still be said, as JSON lines in the account's state folder: it survives a crash between two attempts.

A line says an alert (`alert`, `to`) or what became of it at one channel (`fate`). Several processes append under a
lock of the file itself. A line torn by a crash is skipped. Delivery is at least once: a message whose answer was lost
is said again.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from canary_cli.alerts.alert import Alert, Delivery, Severity

KEEP_FOR = timedelta(days=1)
IN_HAND = timedelta(seconds=30)  # younger messages are still tried by the process that said them


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    at: datetime
    alert: Alert
    to: tuple[str, ...]


class Outbox:
    """`now` is wall time: a page waits for people, not for candles."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now

    def put(self, alert: Alert, to: Sequence[str]) -> Message:
        """Raises OSError where the line cannot be written; the caller still has the message."""
        message = self.unwritten(alert, to)
        self._append({"id": message.id, "at": message.at.isoformat(), "to": list(to), "alert": asdict(alert)})
        return message

    def unwritten(self, alert: Alert, to: Sequence[str]) -> Message:
        return Message(uuid.uuid4().hex[:12], self._now(), alert, tuple(to))

    def age(self, message: Message) -> timedelta:
        return self._now() - message.at

    def mark(self, message: Message, delivery: Delivery) -> None:
        self._append({"id": message.id, "channel": delivery.channel, "fate": delivery.fate, "detail": delivery.detail})

    def leftovers(self) -> tuple[Message, ...]:
        """What other processes left unsaid, each with the channels still owed, oldest first."""
        now = self._now()
        return tuple(one for one in self._unsettled() if IN_HAND < now - one.at < KEEP_FOR)

    def compact(self) -> None:
        """Empty the file once nothing in it can still be delivered."""
        if not self._path.exists():
            return
        with self._locked() as file:  # held from looking to emptying: another process may be about to speak
            if not any(self.age(one) < KEEP_FOR for one in self._unsettled()):
                os.ftruncate(file.fileno(), 0)

    def _unsettled(self) -> list[Message]:
        owed: dict[str, Message] = {}
        for line in self._lines():
            if "alert" in line:
                owed[line["id"]] = _message(line)
            elif (message := owed.get(line.get("id", ""))) is not None:
                left = tuple(name for name in message.to if name != line.get("channel"))
                owed[message.id] = Message(message.id, message.at, message.alert, left)
        return [message for message in owed.values() if message.to]

    def _lines(self) -> list[dict[str, Any]]:
        try:
            written = self._path.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in map(_parsed, written) if line]

    def _append(self, line: dict[str, object]) -> None:
        with self._locked() as file:
            file.write(json.dumps(line) + "\n")

    def _locked(self) -> TextIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed
        return file


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _message(line: dict[str, Any]) -> Message:
    said = line["alert"] | {"severity": Severity(line["alert"]["severity"])}
    return Message(line["id"], datetime.fromisoformat(line["at"]), Alert(**said), tuple(line["to"]))
