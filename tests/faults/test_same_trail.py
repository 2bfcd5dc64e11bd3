"""Row 51: the same replies leave the same audit trail, on a live account's profile, on paper, and in process."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from canary_cli.accounts import PAPER_KEY, PAPER_SECRET, Account, choose_account
from canary_cli.core.binance.resilient import ResilientExchange
from canary_cli.core.model import Side
from canary_cli.core.trading.effects import Effect, Journal, Note
from canary_cli.core.trading.inputs import Input
from canary_cli.core.trading.protection import unprotected
from canary_cli.core.trading.session import decide
from canary_cli.core.trading.state import Session
from canary_cli.journal.record import Entry
from canary_cli.session import live
from canary_cli.session.scribe import Scribe
from canary_cli.session.simulate.journal import MemoryJournal
from tests.faults.desk import Desk, a_desk
from tests.faults.trader import Trader, a_session

BTC, ETH = "BTCUSDT", "ETHUSDT"
ORDERS = "^POST /fapi/v1/order$"
PATIENCE = 20.0
AMOUNT = re.compile(r"\d[\d.]*")


@asynccontextmanager
async def a_trader_as(kind: str, home: Path) -> AsyncIterator[Trader]:
    """A session on the paper exchange by an account of that kind, found as a verb finds it."""
    async with a_desk(speed=10.0, home=home) as desk:
        account = choose_account(kind, write_profiles(desk, home))
        assert (account.kind, account.rest_url) == (kind, desk.account.rest_url)
        desk.exchange, direct = ResilientExchange(account, desk.clock), desk.exchange
        await direct.close()
        await desk.exchange.connect()
        async with a_session(desk, MemoryJournal(desk.clock.now), home) as trader:
            yield trader


def write_profiles(desk: Desk, home: Path) -> Path:
    paper: Account = desk.account
    for name, secret in (("key", PAPER_KEY), ("secret", PAPER_SECRET)):
        (home / name).touch(mode=0o600)
        (home / name).write_text(secret)
    (home / "accounts.toml").write_text(
        f'[paper]\nkind = "paper"\nport = {desk.server.port}\n[live]\nkind = "live"\nrest_url = "{paper.rest_url}"\n'
        f'stream_url = "{paper.stream_url}"\nws_api_url = "{paper.ws_api_url}"\n'
        f'api_key_file = "{home / "key"}"\napi_secret_file = "{home / "secret"}"\n'
    )
    return home


async def follow_the_script(trader: Trader) -> None:
    """An entry whose reply is lost, one that is refused, and a signal that turns against the position."""
    trader.desk.fault("lost_reply", on=ORDERS, first=1)
    trader.signal(BTC)
    await trader.until(lambda: BTC in trader.ours and not unprotected(trader.state), "the entry", PATIENCE)
    trader.desk.fault("reject", on=ORDERS, code=-2019, first=1)
    trader.signal(ETH)
    await trader.until(lambda: trader.events("order_rejected"), "the refusal", PATIENCE)
    trader.signal(BTC, Side.SELL)
    await trader.until(lambda: len(ended(trader.events("algo_updated"))) == 2, "its exit, stop and target", PATIENCE)
    await trader.agreed()


def ended(algos: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in algos if entry.status != "NEW"]


def told_of_orders(entries: Iterable[Entry]) -> list[tuple[object, ...]]:
    """Each order in the order of their intents, and what was told of it: words and codes, no ids, times or amounts.

    Stream and reply race each other, and a book may fill an order in pieces, so what was told is a set.
    """
    orders: dict[str, tuple[object, ...]] = {}
    told: dict[str, set[tuple[Any, ...]]] = {}
    for entry in entries:
        data, order = entry.data, str(entry.data.get("client_id"))
        if entry.event == "order_intent":
            reason = AMOUNT.sub("#", entry.reason)
            orders[order] = (entry.pair, entry.side, data["purpose"], data["type"], entry.risk_gate, reason)
        elif entry.status != "PARTIALLY_FILLED":
            told.setdefault(order, set()).add((entry.event, entry.status, data.get("code")))
    return [(what, sorted(told[order], key=str)) for order, what in orders.items()]


async def test_row_51_a_live_profile_and_paper_given_the_same_script_leave_the_same_trail(tmp_path: Path) -> None:
    trails = []
    for kind in ("paper", "live"):
        (home := tmp_path / kind).mkdir()
        async with a_trader_as(kind, home) as trader:
            await follow_the_script(trader)
            trails.append(told_of_orders(trader.journal.entries()))
    assert trails[0] == trails[1]


def trail(entries: Iterable[Entry]) -> list[object]:
    """Every line, without its number, its link to the line before and the moment it was written."""
    kept = (*Entry.__dataclass_fields__.keys() - {"seq", "prev", "timestamp"},)
    return [{name: getattr(entry, name) for name in kept} for entry in entries]


def written(scribe: Scribe, effects: Iterable[Effect]) -> None:
    for effect in effects:
        match effect:
            case Journal(fact):
                scribe.write_fact(fact)
            case Note():
                scribe.note(effect)
            case _:
                pass


async def test_row_51_what_was_heard_over_sockets_decided_again_in_process_leaves_the_same_trail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """line by line, but for when each was written"""
    heard: list[tuple[Session, Input]] = []

    def decide_and_keep(state: Session, event: Input) -> tuple[Session, tuple[Effect, ...]]:
        heard.append((state, event))
        return decide(state, event)

    monkeypatch.setattr(live, "decide", decide_and_keep)
    async with a_trader_as("paper", tmp_path) as trader:
        await follow_the_script(trader)
    journal = MemoryJournal(trader.desk.clock.now)
    scribe, state = Scribe(journal, "story", "run"), heard[0][0]
    for _, event in heard:
        state, effects = decide(state, event)
        written(scribe, effects)
    assert trail(journal.entries()) == trail(trader.journal.entries())
    assert state == trader.state
