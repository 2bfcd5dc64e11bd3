"""Scenario files say what they mean, or are refused with a line that says where."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from canary_cli.errors import ExitCode
from canary_cli.paper.faults import Faults
from canary_cli.paper.market import Shock, ShockKind
from canary_cli.paper.scenario import ScenarioError, When, load, shipped

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", shipped())
def test_what_is_shipped_can_be_read_and_says_what_it_shows(name):
    scenario = load(name)
    assert scenario.title and scenario.start == START


@pytest.mark.parametrize("name", shipped())
def test_faults_that_are_shipped_are_faults_there_are(name):
    faults = Faults(Random(1))
    for event in load(name).faults:
        begins = START + event.at
        fault = faults.add(event.kind, event.options, begins, begins + event.duration if event.duration else None)
        strikes = [faults.strike(begins, "POST /fapi/v1/order", "BTCUSDT", event.kind, calm=calm) for calm in (0, 1)]
        assert strikes == [fault, None], "entries meet it, and what lowers exposure does not"


def test_the_shipped_ones_are_the_three_of_the_rehearsal():
    assert shipped() == ("calm", "exchange-errors", "flash-crash")
    assert not load("calm").prices and not load("calm").faults
    assert load("exchange-errors").faults and load("exchange-errors").climate(START) == load("calm").climate(START)


def test_everything_a_file_may_say_arrives(tmp_path):
    scenario = load(
        written(
            tmp_path,
            """
            title = "all of it"
            seed = 9
            start = 2026-03-02T10:00:00Z
            [market]
            volatility = 1.5
            [[market.drift]]
            from = "-2d 6:00:00"
            until = "+0:30:00"
            strength = -1
            symbols = ["ADAUSDT"]
            [[price]]
            at = "+3:20:00"
            kind = "crash"
            move = -0.1
            for = "0:01:30"
            symbols = ["BTCUSDT"]
            [[price]]
            kind = "halt"
            for = "0:05:00"
            when = { positions = 2 }
            [[fault]]
            at = "+0:31:00"
            for = "1d"
            kind = "latency"
            milliseconds = 900
            when = { orders = 3 }
            """,
        )
    )
    (drift,) = scenario.climate(START).drifts
    assert (drift.start, drift.end) == (START - timedelta(days=2, hours=6), START + timedelta(minutes=30))
    assert (drift.strength, drift.symbols, scenario.volatility) == (-1.0, ("ADAUSDT",), 1.5)
    crash = Shock(ShockKind.CRASH, START + timedelta(hours=3, minutes=20), timedelta(seconds=90), ("BTCUSDT",), -0.1)
    assert scenario.shocks(START) == (crash,)
    (waiting,) = scenario.waiting
    assert (waiting.shock.kind, waiting.at, waiting.when) == (ShockKind.HALT, timedelta(0), When("positions", 2.0))
    (fault,) = scenario.faults
    assert (fault.kind, fault.at, fault.duration) == ("latency", timedelta(minutes=31), timedelta(days=1))
    assert fault.options == {"milliseconds": 900} and fault.when == When("orders", 3.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 'x'", "seed is 'x'"),
        ("seed = true", "seed is True"),
        ("sede = 3", "unknown key 'sede'"),
        ("start = 2026-03-02T10:00:00", "no time zone"),
        ("[market]\nvolatility = 0", "volatility must be above 0"),
        ("[market]\nvolatile = 1", r"\[market\]: unknown key 'volatile'"),
        ("[[market.drift]]\nfrom = '-1d'\nuntil = '-2d'\nstrength = 1", "drift 1: until must come after from"),
        ("[[price]]\nkind = 'boom'", "price 1: kind 'boom' is none of gap, crash"),
        ("[[price]]\nkind = 'gap'", "price 1: move is missing"),
        ("[[price]]\nkind = 'gap'\nmove = -1.0", "move must be above -1"),
        ("[[price]]\nkind = 'gap'\nmove = -0.1\nat = 'noon'", "at 'noon' is no time"),
        ("[[price]]\nkind = 'gap'\nmove = -0.1\nat = ''", "at '' is no time"),
        ("[[price]]\nkind = 'gap'\nmove = nan", "move is nan"),
        ("[[price]]\nkind = 'gap'\nmove = -0.1\ndepth = 0.5", "unknown key 'depth'"),
        ("[[price]]\nkind = 'thin'\nfor = '0:01:00'\ndepth = 0", "depth must be above 0"),
        ("[[price]]\nkind = 'flat'\nwhen = { moon = 1 }", "when names one of orders, fills"),
        ("[[fault]]\nat = '+0:01:00'", "fault 1: kind is missing"),
        ("price = 3", "price is 3"),
        ("price = [3]", r"write \[\[price\]\]"),
        ("[[price]]\nkind = 'halt'\nwhen = { orders = 'x' }", "orders is 'x'"),
        ("seed = ", "cannot be read"),
        ("[market]\nvolatility = 1e9", "volatility must be above 0 and at most 20"),
        ("[[market.drift]]\nfrom = '-1d'\nuntil = '+1d'\nstrength = 99", "strength must be from -10 to 10"),
        ("[[fault]]\nkind = 'outage'\nat = '+99999999999d'", "at '.99999999999d' is no time"),
        ("[[fault]]\nkind = 'outage'\nat = '+9999999:00:00'", "at '.9999999:00:00' is no time"),
        ("[[fault]]\nkind = 'lost_reply'\nsymbols = ['BTCUSD']", "symbols is .'BTCUSD'., not a list of pairs"),
        ("[[price]]\nkind = 'gap'\nmove = -0.1\nsymbols = ['BTCUSD']", "symbols names BTCUSD, which is no pair"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, text, said):
    with pytest.raises(ScenarioError, match=said) as caught:
        load(written(tmp_path, text))
    assert caught.value.exit_code is ExitCode.CONFIGURATION and "mine.toml" in caught.value.message


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ScenarioError, match="no scenario 'clam'") as caught:
        load("clam")
    assert caught.value.hint == "Did you mean calm?"
    with pytest.raises(ScenarioError) as caught:
        load("storm-of-the-century")
    assert "calm, exchange-errors, flash-crash" in caught.value.hint
