"""Carries alerts to their channels in threads of its own, one per channel: a slow Slack never holds up a page."""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from canary_cli.alerts.alert import Alert, Channel, ChannelFailed, Delivery, Fate, Receipt
from canary_cli.alerts.outbox import KEEP_FOR, Message, Outbox

LONGEST_WAIT = 60.0

_Errand = tuple[Message, Receipt]


class Courier:
    """The `Alerts` port over real channels. `mask` takes secrets out of everything said.

    `pause(seconds)` waits between attempts and answers True when the courier is to stop; tests pass their own.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        outbox: Outbox,
        mask: Callable[[str], str],
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._outbox = outbox
        self._mask = mask
        self._stopping = threading.Event()
        self._rounds = [_Round(channel, outbox, pause or self._stopping.wait) for channel in channels]

    def start(self) -> None:
        """Also takes up what an earlier process left unsaid."""
        for message in self._leftovers():
            self._hand_over(message, Receipt(message.to))
        for round_ in self._rounds:
            round_.start()

    def send(self, alert: Alert) -> Receipt:
        """Returns at once, whatever the state of the disk and the network."""
        said = replace(alert, message=self._mask(alert.message))
        to = [round_.channel.name for round_ in self._rounds if round_.channel.wants(said)]
        receipt = Receipt(to)
        if to:
            self._hand_over(self._put(said, to), receipt)
        return receipt

    def close(self, seconds: float = 5) -> None:
        """Let each channel finish for at most `seconds`; what is left stays in the outbox."""
        for round_ in self._rounds:
            round_.inbox.put(None)
        for round_ in self._rounds:
            round_.join(seconds)
        self._stopping.set()

    def _put(self, alert: Alert, to: Sequence[str]) -> Message:
        try:
            return self._outbox.put(alert, to)
        except OSError:  # a full disk must not silence a page
            return self._outbox.unwritten(alert, to)

    def _leftovers(self) -> tuple[Message, ...]:
        try:
            self._outbox.compact()
            return self._outbox.leftovers()
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def _hand_over(self, message: Message, receipt: Receipt) -> None:
        for round_ in self._rounds:
            if round_.channel.name in message.to:
                round_.inbox.put((message, receipt))


class _Round(threading.Thread):
    """One channel's thread: in order, each message until it is said, refused, or a day old."""

    def __init__(self, channel: Channel, outbox: Outbox, pause: Callable[[float], bool]) -> None:
        super().__init__(name=f"alerts-{channel.name}", daemon=True)
        self.channel = channel
        self.inbox: queue.SimpleQueue[_Errand | None] = queue.SimpleQueue()
        self._outbox = outbox
        self._pause = pause

    def run(self) -> None:
        while (errand := self.inbox.get()) is not None:
            message, receipt = errand
            delivery = self._carry(message, receipt)
            receipt.record(delivery)
            if delivery.fate is Fate.WAITING:
                return  # told to stop
            self._mark(message, delivery)

    def _carry(self, message: Message, receipt: Receipt) -> Delivery:
        wait = 1.0
        while True:
            delivery = self._attempt(message)
            if delivery.fate is not Fate.WAITING:
                return delivery
            receipt.record(delivery)
            if self._outbox.age(message) > KEEP_FOR:
                return replace(delivery, fate=Fate.FAILED)
            if self._pause(wait):
                return delivery
            wait = min(2 * wait, LONGEST_WAIT)

    def _attempt(self, message: Message) -> Delivery:
        try:
            return Delivery(self.channel.name, Fate.SENT, self.channel.deliver(message.alert))
        except ChannelFailed as failure:
            return Delivery(self.channel.name, Fate.FAILED if failure.final else Fate.WAITING, failure.reason)
        except Exception as bug:  # the next alert must still find this thread alive
            return Delivery(self.channel.name, Fate.FAILED, f"bug in canary: {type(bug).__name__}: {bug}")

    def _mark(self, message: Message, delivery: Delivery) -> None:
        try:
            self._outbox.mark(message, delivery)
        except OSError:
            return  # said again after a restart: better twice than never
