"""What the account is worth, whichever message of a trade comes first, comes late, or never comes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from canary_cli.core.accounting.equity import Curve
from canary_cli.core.model import Balance, Fill, Income, Order, OrderStatus, Position, Side
from canary_cli.core.trading.effects import ReadAccount
from canary_cli.core.trading.events import AccountRead, AccountUpdated, OrderUpdated, Stream, StreamUp
from canary_cli.core.trading.state import Session
from tests.core.trading.conftest import Desk, order_of
from tests.core.trading.test_rechecking import reading, wait
from tests.core.trading.test_session import entered


def account(desk: Desk, wallet: str, quantity: Decimal, entry: str = "50000", *, after: float = 0) -> AccountUpdated:
    """What the exchange tells of BTCUSDT and the wallet, together."""
    position = Position("BTCUSDT", quantity, Decimal(entry), Decimal(entry))
    time = desk.now + timedelta(seconds=after)
    return AccountUpdated(time, "ORDER", Decimal(wallet), Decimal(0), (position,))


def sold(desk: Desk, price: str) -> tuple[AccountUpdated, OrderUpdated]:
    """Both messages of a trade that closes the position, which the exchange's own hand makes."""
    entry = next(life.intent for life in desk.state.orders.values())
    held, at = desk.state.held["BTCUSDT"], Decimal(price)
    assert desk.state.wallet is not None
    wallet = desk.state.wallet + held.quantity * (at - held.entry_price)
    order: Order = replace(order_of(entry, 8), client_id="c1-1-x", side=Side.SELL, status=OrderStatus.FILLED)
    fill = Fill("BTCUSDT", 99, 8, "c1-1-x", Side.SELL, at, held.quantity, desk.now)
    return account(desk, str(wallet), Decimal(0)), OrderUpdated(desk.now, order, "TRADE", fill)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("price", ["48000", "52000"])
def test_what_a_trade_won_or_lost_counts_once_whichever_of_its_messages_comes_first(
    desk: Desk, price: str, *, turned: bool
) -> None:
    entered(desk)
    desk.mark(after=1, BTCUSDT=price)
    before = (desk.state.equity, desk.state.peak)
    for message in sold(desk, price)[:: -1 if turned else 1]:
        desk.tell(message)
        desk.mark(after=0.1, BTCUSDT=price)
        assert (desk.state.equity, desk.state.peak) == before


def test_equity_is_unknown_until_the_account_has_been_read(desk: Desk) -> None:
    """A journal's wallet may be of before a trade that the journal has as well: a second reading makes sure of it."""
    desk.state = Session(desk.state.setup, desk.now, wallet=Decimal(9700), curve=Curve(peak=Decimal(10_000)))
    for _ in range(2):
        desk.mark(after=1, BTCUSDT="50000")
        assert desk.state.equity is None
        desk.tell(reading(desk))
    desk.mark(after=1, BTCUSDT="50000")
    assert desk.state.equity == 10_000
    assert not desk.state.rolling_back


def moved(desk: Desk, amount: str, wallet: str) -> AccountRead:
    """A reading that shows `wallet`, and a transfer of two seconds ago."""
    money, seen = Decimal(wallet), reading(desk)
    row = Income("TRANSFER", 5, "", "USDT", Decimal(amount), desk.now - timedelta(seconds=2))
    balance = Balance(money, Decimal(0), money, money)
    return replace(seen, snapshot=replace(seen.snapshot, balance=balance), transfers=(row,))


@pytest.mark.parametrize(("amount", "wallet", "down"), [("-200", "9800", "-2"), ("10000", "20000", "0")])
def test_a_transfer_that_hides_in_the_wallet_of_a_trade_is_found_by_the_next_reading(
    desk: Desk, amount: str, wallet: str, down: str
) -> None:
    """The stream lost the word of it, and the next trade tells a wallet that has it already."""
    desk.tell(reading(desk))
    wait(desk, 10)
    desk.tell(account(desk, wallet, Decimal(0)))
    desk.mark(after=1, BTCUSDT="50000")
    assert desk.state.drawdown_pct == Decimal(down)
    for _ in range(2):
        desk.tell(moved(desk, amount, wallet))
        desk.mark(after=1, BTCUSDT="50000")
        assert (desk.state.equity, desk.state.peak) == (Decimal(wallet), Decimal(wallet))


@pytest.mark.parametrize("reason", ["WITHDRAW", "COIN_SWAP_WITHDRAW", "STRATEGY_UMFUTURES_TRANSFER", "AUTO_EXCHANGE"])
def test_money_that_leaves_by_whatever_way_is_no_loss(desk: Desk, reason: str) -> None:
    desk.tell(AccountUpdated(desk.now, reason, Decimal(9600), Decimal(-400)))
    desk.mark(after=1, BTCUSDT="50000")
    assert (desk.state.drawdown_pct, desk.state.rolling_back) == (0, "")


def test_a_withdrawal_that_is_refused_and_comes_back_hides_no_loss(desk: Desk) -> None:
    for reason, wallet, change in (("FUNDING_FEE", 9800, -200), ("WITHDRAW", 8800, -1000),
                                   ("WITHDRAW_REJECT", 9800, 1000)):  # fmt: skip
        desk.tell(AccountUpdated(desk.now, reason, Decimal(wallet), Decimal(change)))
        desk.mark(after=1, BTCUSDT="50000")
    assert round(desk.state.drawdown_pct or Decimal(0), 6) == -2


def test_a_position_that_has_ended_is_not_brought_back_by_an_older_message(desk: Desk) -> None:
    desk.tell(account(desk, "10000", Decimal(1), after=1))
    late = account(desk, "10000", Decimal(1), after=2)
    desk.tell(account(desk, "10100", Decimal(0), after=3))
    desk.tell(late)
    desk.mark(after=4, BTCUSDT="60000")
    assert desk.state.equity == 10_100


def test_of_several_messages_of_one_instant_none_counts_when_it_is_told_again(desk: Desk) -> None:
    """An order that fills in many trades has their messages stamped with one millisecond."""
    messages = [account(desk, wallet, Decimal(0), after=1) for wallet in ("9000", "9500", "10000")]
    for message in (*messages, messages[0]):
        desk.tell(message)
    desk.mark(after=1, BTCUSDT="50000")
    assert desk.state.equity == 10_000


def test_a_trade_that_was_told_only_in_part_has_the_account_read_soon(desk: Desk) -> None:
    desk.tell(reading(desk))
    assert not any(isinstance(effect, ReadAccount) for effect in wait(desk, 7))
    desk.tell(account(desk, "10100", Decimal(1)))
    assert any(isinstance(effect, ReadAccount) for effect in wait(desk, 7))


def test_a_mismatch_that_people_know_of_has_the_account_read_no_oftener(desk: Desk) -> None:
    for _ in range(3):
        desk.tell(reading(desk, position=Decimal(1)))
    assert "mismatch" in desk.state.latches
    assert not any(isinstance(effect, ReadAccount) for effect in wait(desk, 20))


def test_a_position_of_a_pair_without_marks_is_worth_what_the_reading_says(desk: Desk) -> None:
    """Somebody else's: it is latched for, and its losses count."""
    desk.tell(StreamUp(desk.now, Stream.USER))
    seen = reading(desk)
    theirs = Position("SOLUSDT", Decimal(10), Decimal(150), Decimal(140))
    desk.tell(replace(seen, snapshot=replace(seen.snapshot, positions=(theirs,))))
    desk.mark(after=1, BTCUSDT="50000")
    assert desk.state.equity == 9900
