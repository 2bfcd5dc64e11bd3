"""The courier never delays who speaks, and the outbox forgets nothing that was not said."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary_cli.alerts.alert import Alert, ChannelFailed, Delivery, Fate, Severity
from canary_cli.alerts.courier import Courier
from canary_cli.alerts.outbox import Outbox

START = datetime(2026, 2, 22, 10, tzinfo=UTC)
PAGE = Alert("breaker triggered", Severity.CRITICAL)


class Wall:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pause(self, seconds: float) -> bool:
        self.time += timedelta(seconds=seconds)
        return False


class Phone:
    """A channel that fails as often as it is told to, then works."""

    def __init__(self, name: str = "slack", failures: int = 0, final: bool = False) -> None:
        self.name = name
        self.heard: list[str] = []
        self._failures = failures
        self._final = final

    def wants(self, alert: Alert) -> bool:
        return alert.severity is not Severity.INFO

    def deliver(self, alert: Alert) -> str:
        if self._failures:
            self._failures -= 1
            raise ChannelFailed("engaged", final=self._final)
        self.heard.append(alert.message)
        return "ok"

    def probe(self) -> None:
        pass


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def outbox(tmp_path: Path, wall: Wall) -> Outbox:
    return Outbox(tmp_path / "account" / "outbox.jsonl", wall)


def courier(outbox: Outbox, wall: Wall, *phones: Phone) -> Courier:
    return Courier(phones, outbox, lambda text: text.replace("s3cret", "***"), wall.pause)


def test_what_was_said_is_sent_and_leaves_nothing_behind(outbox: Outbox, wall: Wall) -> None:
    phone = Phone()
    carrier = courier(outbox, wall, phone)
    carrier.start()
    receipt = carrier.send(PAGE)
    assert receipt.wait(5) == (Delivery("slack", Fate.SENT, "ok"),)
    carrier.close()
    wall.time += timedelta(minutes=5)
    assert outbox.leftovers() == ()


def test_an_engaged_line_is_tried_again_until_it_answers(outbox: Outbox, wall: Wall) -> None:
    phone = Phone(failures=3)
    carrier = courier(outbox, wall, phone)
    carrier.start()
    assert carrier.send(PAGE).wait(5)[0].fate is Fate.SENT
    assert wall.time == START + timedelta(seconds=1 + 2 + 4)
    carrier.close()


def test_a_day_later_it_is_given_up_and_said_so(outbox: Outbox, wall: Wall) -> None:
    carrier = courier(outbox, wall, Phone(failures=100_000))
    carrier.start()
    assert carrier.send(PAGE).wait(5) == (Delivery("slack", Fate.FAILED, "engaged"),)
    carrier.close()


def test_a_refusal_is_not_repeated(outbox: Outbox, wall: Wall) -> None:
    carrier = courier(outbox, wall, Phone(failures=1, final=True))
    carrier.start()
    assert carrier.send(PAGE).wait(5) == (Delivery("slack", Fate.FAILED, "engaged"),)
    carrier.close()


def test_row_47_a_stuck_channel_does_not_hold_up_the_other(outbox: Outbox, wall: Wall) -> None:
    stuck = threading.Event()

    class Stuck(Phone):
        def deliver(self, alert: Alert) -> str:
            stuck.wait(10)
            return super().deliver(alert)

    pager = Phone("pagerduty")
    carrier = courier(outbox, wall, Stuck(), pager)
    carrier.start()
    receipt = carrier.send(PAGE)
    while not pager.heard:
        receipt.wait(0.01)
    assert [delivery.fate for delivery in receipt.deliveries] == [Fate.WAITING, Fate.SENT]
    stuck.set()
    carrier.close()


def test_a_channel_that_breaks_is_alive_for_the_next_alert(outbox: Outbox, wall: Wall) -> None:
    class Buggy(Phone):
        def deliver(self, alert: Alert) -> str:
            return super().deliver(alert) if self.heard else str(self.heard.append("x") or 1 // 0)

    phone = Buggy()
    carrier = courier(outbox, wall, phone)
    carrier.start()
    assert carrier.send(PAGE).wait(5)[0].fate is Fate.FAILED
    assert carrier.send(PAGE).wait(5)[0].fate is Fate.SENT
    carrier.close()


def test_secrets_never_leave(outbox: Outbox, wall: Wall, tmp_path: Path) -> None:
    phone = Phone()
    carrier = courier(outbox, wall, phone)
    carrier.start()
    carrier.send(Alert("key s3cret refused", Severity.CRITICAL)).wait(5)
    carrier.close()
    assert phone.heard == ["key *** refused"]
    assert "s3cret" not in (tmp_path / "account" / "outbox.jsonl").read_text()


def test_a_full_disk_does_not_silence_a_page(wall: Wall, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    phone = Phone()
    carrier = courier(Outbox(tmp_path / "file" / "outbox.jsonl", wall), wall, phone)
    carrier.start()
    assert carrier.send(PAGE).wait(5)[0].fate is Fate.SENT
    carrier.close()


def test_what_nobody_wants_is_kept_nowhere(outbox: Outbox, wall: Wall) -> None:
    receipt = courier(outbox, wall, Phone()).send(Alert("hello"))
    assert receipt.wait(0) == ()
    assert outbox.leftovers() == ()


def test_the_next_process_says_what_a_killed_one_left(outbox: Outbox, wall: Wall) -> None:
    courier(outbox, wall, Phone()).send(PAGE)  # never started: as if killed before its first attempt
    wall.time += timedelta(minutes=1)
    phone = Phone()
    successor = courier(outbox, wall, phone)
    successor.start()
    successor.close()
    assert phone.heard == ["breaker triggered"]
    assert outbox.leftovers() == ()


def test_a_message_in_another_hand_is_left_to_it(outbox: Outbox, wall: Wall) -> None:
    courier(outbox, wall, Phone()).send(PAGE)
    wall.time += timedelta(seconds=5)
    assert outbox.leftovers() == ()


def test_a_torn_line_costs_only_itself(outbox: Outbox, wall: Wall, tmp_path: Path) -> None:
    outbox.put(PAGE, ["slack"])
    with (tmp_path / "account" / "outbox.jsonl").open("a") as file:
        file.write('{"id": "half\n')
    outbox.put(PAGE, ["slack"])
    wall.time += timedelta(minutes=1)
    assert len(outbox.leftovers()) == 2


def test_the_file_is_emptied_once_all_is_said(outbox: Outbox, wall: Wall, tmp_path: Path) -> None:
    path = tmp_path / "account" / "outbox.jsonl"
    message = outbox.put(PAGE, ["slack", "pagerduty"])
    outbox.mark(message, Delivery("slack", Fate.SENT))
    outbox.compact()
    assert path.stat().st_size > 0
    outbox.mark(message, Delivery("pagerduty", Fate.SENT))
    outbox.compact()
    assert path.stat().st_size == 0
