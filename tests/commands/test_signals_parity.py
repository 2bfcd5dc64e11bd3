"""`canary signals parity` against an exchange's REST played by a local server."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from canary_cli.accounts import paper_account
from canary_cli.app import run
from canary_cli.bootstrap import World
from canary_cli.core.model import Candle, Frame
from canary_cli.core.signals import Evaluation, SignalEngine, to_record
from canary_cli.core.signals.bars import milliseconds
from canary_cli.journal.record import Record
from tests.core.signals.market import TICK, by_close, candles, random_frames, stream

PAIR = "TESTUSDT"
FILTERS: list[dict[str, str]] = [
    {"filterType": "PRICE_FILTER", "tickSize": str(TICK)},
    {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "9"},
]
SYMBOL = {"symbol": PAIR, "contractType": "PERPETUAL", "status": "TRADING", "filters": FILTERS}


@pytest.fixture
def market() -> dict[Frame, list[Candle]]:
    return {frame: candles(bars, PAIR) for frame, bars in random_frames(31, 30).items()}


@pytest.fixture
def decisions(market: dict[Frame, list[Candle]]) -> list[Evaluation]:
    feed = by_close(bar for bars in market.values() for bar in bars)
    return list(stream(SignalEngine(PAIR, TICK), feed))[-20:]


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer, market: dict[Frame, list[Candle]]
) -> Path:
    (tmp_path / "accounts.toml").write_text(f'[desk]\nkind = "paper"\nport = {httpserver.port}\n')
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setenv("CANARY_ACCOUNT", "desk")

    def klines(request: Request) -> Response:
        frame, end = Frame(request.args["interval"]), int(request.args["endTime"])
        rows = [_row(bar) for bar in market[frame] if milliseconds(bar.open_time) <= end]
        return Response(json.dumps(rows[-int(request.args["limit"]) :]), mimetype="application/json")

    def clock(_: Request) -> Response:
        return Response(json.dumps({"serverTime": time.time_ns() // 10**6}), mimetype="application/json")

    httpserver.expect_request("/fapi/v1/ping").respond_with_json({})
    httpserver.expect_request("/fapi/v1/time").respond_with_handler(clock)
    httpserver.expect_request("/fapi/v1/exchangeInfo").respond_with_json({"symbols": [SYMBOL]})
    httpserver.expect_request("/fapi/v1/klines").respond_with_handler(klines)
    return tmp_path


def _row(bar: Candle) -> list[Any]:
    prices = [str(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    return [milliseconds(bar.open_time), *prices, milliseconds(bar.close_time) - 1]


def write(home: Path, decisions: list[Evaluation]) -> None:
    journal = World(paper_account(home, name="desk")).journal
    events = ["signal" if one.is_signal else "signal_refused" for one in decisions]
    rows = zip(events, map(to_record, decisions), strict=True)
    journal.append_all([Record(event, pair=PAIR, run_id="run-1", phase=1, data=data) for event, data in rows])
    journal.close()


def test_a_run_that_decided_as_the_batch_engine_has_parity(
    home: Path, decisions: list[Evaluation], capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, decisions)
    assert run(["signals", "parity", "--run", "run-1"]) == 0
    said = capsys.readouterr()
    assert said.out == "20 recorded decisions, 0 mismatches\n"
    assert said.err.splitlines() == ["ACCOUNT desk PAPER", "RESULT PARITY exit=0"]


def test_a_candle_the_exchange_has_otherwise_is_shown_and_is_no_go(
    home: Path, decisions: list[Evaluation], market: dict[Frame, list[Candle]], capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, decisions)
    last = market[Frame.M15][-1]
    market[Frame.M15][-1] = replace(last, close=last.low)
    assert run(["signals", "parity", "--run", "run-1"]) == 3
    said = capsys.readouterr()
    assert "close" in said.out
    assert str(last.low) in said.out
    assert said.err.endswith("RESULT MISMATCH exit=3\n")
    assert run(["signals", "parity", "--run", "run-1", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["compared"], document["reason"], document["exit_code"]) == (20, "MISMATCH", 3)
    assert {one["field"] for one in document["mismatches"]} >= {"close"}


def test_a_run_without_decisions_is_not_parity(
    home: Path, decisions: list[Evaluation], capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, decisions)
    assert run(["signals", "parity", "--run", "another"]) == 4
    assert capsys.readouterr().err.endswith("RESULT NOTHING_RECORDED exit=4\n")


def test_an_exchange_that_is_not_there_is_said(
    home: Path, decisions: list[Evaluation], capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, decisions)
    (home / "accounts.toml").write_text('[desk]\nkind = "paper"\nport = 1\n')
    assert run(["signals", "parity", "--run", "run-1"]) == 7
    assert "error:" in capsys.readouterr().err
