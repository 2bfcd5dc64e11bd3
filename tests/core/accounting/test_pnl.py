"""Round trips and what they come to, against the brief's example and the exchange's books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.accounting.pnl import EquitySample, Pnl, pnl
from canary_cli.core.accounting.round_trips import Taken, Trade, round_trips
from canary_cli.core.model import Income, Side

START = datetime(2026, 2, 22, 10, 30, tzinfo=UTC)
END = START + timedelta(minutes=47)
ids = iter(range(1, 10**9))


def trade(side: Side, price: object, quantity: object = 1, **more: object) -> Trade:
    number = next(ids)
    made = {"symbol": "BTCUSDT", "trade_id": number, "time": START + timedelta(milliseconds=number % 10**6)} | more
    return Trade(side=side, price=Decimal(str(price)), quantity=Decimal(str(quantity)), **made)  # type: ignore[arg-type]


def there_and_back(profit: object, **more: object) -> list[Trade]:
    return [trade(Side.BUY, 1000, **more), trade(Side.SELL, 1000 + Decimal(str(profit)), **more)]


def account(trades: list[Trade], income: list[Income] | None = None, equity: list[EquitySample] | None = None) -> Pnl:
    return pnl(START, END, trades, income, equity or [])


def booked(kind: str, amount: object, number: int = 1, asset: str = "USDT", symbol: str = "BTCUSDT") -> Income:
    return Income(kind, number, symbol, asset, Decimal(str(amount)), START + timedelta(minutes=1))


def test_the_brief_s_own_example() -> None:
    wins = [there_and_back("21.40625") for _ in range(16)]
    losses = [there_and_back("-58.3525") for _ in range(8)]
    found = account([one for trip in (*wins, *losses) for one in trip])
    assert found.trades == 24
    assert (found.profitable.count, found.profitable.net) == (16, Decimal("342.50"))
    assert (found.losing.count, found.losing.net) == (8, Decimal("-466.82"))
    assert found.net == Decimal("-124.32")
    assert found.duration == timedelta(minutes=47)


def test_fees_turn_a_small_gain_into_a_loss() -> None:
    found = account(there_and_back(1, commission=Decimal("0.6")))
    assert (found.profitable.count, found.losing.count, found.net, found.fees) == (
        0,
        1,
        Decimal("-0.2"),
        Decimal("1.2"),
    )


def test_partial_exits_adds_and_averages_are_one_round_trip() -> None:
    trips = round_trips(
        [trade(Side.BUY, 100, 1), trade(Side.BUY, 110, 1), trade(Side.SELL, 120, "1.5"), trade(Side.SELL, 90, "0.5")]
    )
    (trip,) = trips.closed
    assert (trip.entry_price, trip.largest, trip.fills) == (105, 2, 4)
    assert trip.gross == Decimal("1.5") * 15 - Decimal("0.5") * 15
    assert trips.open == ()


def test_crossing_zero_ends_one_trip_and_begins_the_next() -> None:
    trips = round_trips([trade(Side.BUY, 100, 1), trade(Side.SELL, 110, 3, commission=Decimal(3))])
    (closed,), (running,) = trips.closed, trips.open
    assert (closed.gross, closed.fees) == (10, 1)
    assert (running.side, running.quantity, running.entry_price, running.fees) == (Side.SELL, -2, 110, 2)


def test_what_was_open_when_the_time_began_is_closed_in_it_and_not_opened() -> None:
    """Of two bought before and one sold, the last is sold within; what the first had won and paid is not asked for."""
    early = START - timedelta(hours=1)
    found = account([
        trade(Side.BUY, 1000, 2, time=early, commission=Decimal(2)),
        trade(Side.SELL, 1100, 1, time=early + timedelta(minutes=1), commission=Decimal(1)),
        trade(Side.SELL, 1030, 1, commission=Decimal(1)),
    ], [booked("REALIZED_PNL", 30), booked("COMMISSION", -1)])  # fmt: skip
    assert (found.net, found.fees, found.profitable.count, found.open.count) == (29, 1, 1, 0)
    assert found.agrees


def test_a_position_that_was_taken_over_is_closed_at_what_it_had_cost() -> None:
    """By its fills alone the rollback sold short, and lost nothing: the run might have been started again."""
    taken = Taken("BTCUSDT", START - timedelta(minutes=1), Decimal(1), Decimal(1000))
    sold = trade(Side.SELL, 900, 1, purpose="kill")
    gone = Taken("BTCUSDT", START + timedelta(days=1), Decimal(0), Decimal(0))
    for since in (START, START - timedelta(minutes=2)):
        found = pnl(since, END, [sold], [booked("REALIZED_PNL", -100)], [], taken=[taken, gone])
        assert (found.net, found.losing.count, found.open.count, found.agrees) == (-100, 1, 0, True)


def test_what_the_exchange_no_longer_has_is_not_open() -> None:
    gone = Taken("BTCUSDT", START + timedelta(minutes=5), Decimal(0), Decimal(0))
    found = pnl(START, END, [trade(Side.BUY, 1000, commission=Decimal(1))], None, [], taken=[gone])
    assert (found.open.count, found.net) == (0, -1)


def test_probes_are_charged_apart_and_still_counted_in_the_net() -> None:
    found = account([*there_and_back("-0.5", purpose="probe"), *there_and_back(10, purpose="entry")])
    assert (found.trades, found.probes.count, found.probes.net) == (1, 1, Decimal("-0.5"))
    assert found.net == Decimal("9.5")


def test_funding_is_in_the_net_and_insurance_and_rebates_are_shown_apart() -> None:
    income = [
        booked("REALIZED_PNL", 10), booked("FUNDING_FEE", "-0.4"), booked("SPECIAL_FUNDING_FEE", "0.1"),
        booked("INSURANCE_CLEAR", -7), booked("TRANSFER", 5000), booked("FUNDING_FEE", "-0.4"),
    ]  # fmt: skip
    found = account(there_and_back(10), income)
    assert (found.net, found.funding) == (Decimal("9.7"), Decimal("-0.3"))
    assert found.apart == {"INSURANCE_CLEAR": -7}
    assert found.pairs[0].net == Decimal("9.7")
    assert found.agrees is True


def test_a_fill_we_missed_shows_as_a_difference() -> None:
    found = account(there_and_back(10), [booked("REALIZED_PNL", 25), booked("COMMISSION", -1)])
    assert [(one.type, one.difference) for one in found.comparisons] == [("REALIZED_PNL", 15), ("COMMISSION", -1)]
    assert found.is_provisional
    assert account(there_and_back(10)).agrees is None


def test_commission_in_bnb_is_converted_at_fill_time_or_named() -> None:
    fills = there_and_back(10, commission=Decimal("0.001"), commission_asset="BNB")

    def rate(asset: str, _at: datetime) -> Decimal | None:
        return Decimal(600) if asset == "BNB" else Decimal(1)

    assert pnl(START, END, fills, None, [], rate).fees == Decimal("1.2")
    unconverted = account(fills)
    assert (unconverted.fees, unconverted.unconverted) == (0, {"BNB": Decimal("0.002")})


def test_slippage_shortfall_and_the_cost_of_the_rollback() -> None:
    fills = [
        trade(Side.BUY, "1000.5", decision_price=Decimal(1000), commission=Decimal("0.5")),
        trade(Side.SELL, 999, decision_price=Decimal(1000), commission=Decimal("0.5"), purpose="kill"),
    ]
    found = account(fills)
    assert found.slippage_cost == Decimal("1.5")
    assert found.shortfall_bps == Decimal("12.5")
    assert found.rollback_cost == Decimal("1.5")


def test_nothing_is_unrealised_where_nothing_is_open() -> None:
    last = [EquitySample(START, Decimal(10_000), Decimal("5.76"), Decimal(0))]  # written down before the close
    assert account(there_and_back(10), equity=last).unrealized == 0


def test_drawdown_and_return_come_from_equity_as_it_was_written_down() -> None:
    samples = [
        EquitySample(START, Decimal(10_000), Decimal(0), Decimal(0)),
        EquitySample(START + timedelta(minutes=5), None, None, None),
        EquitySample(START + timedelta(minutes=9), Decimal(9_900), Decimal(-40), Decimal("-1.2")),
    ]
    found = account(there_and_back(-60), equity=samples)
    assert (found.max_drawdown_pct, found.unrealized, found.net_pct) == (Decimal("-1.2"), -40, Decimal("-0.6"))


FILLS = st.lists(
    st.builds(
        lambda side, price, quantity, fee, symbol: (side, price, quantity, fee, symbol),
        st.sampled_from(Side),
        st.integers(1, 1000),
        st.integers(1, 5),
        st.integers(0, 3),
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    ),
    max_size=40,
)


@given(FILLS)
def test_every_cent_is_in_exactly_one_place(rows: list[tuple[Side, int, int, int, str]]) -> None:
    """Cash spent and received, plus what the open positions cost, is the net of all trips."""
    fills = [trade(side, price, qty, commission=Decimal(fee), symbol=symbol) for side, price, qty, fee, symbol in rows]
    found = account(fills)
    cash = sum((-one.side.sign * one.price * one.quantity - one.commission for one in fills), Decimal(0))
    trips = round_trips(fills)
    cost_of_open = sum((trip.quantity * trip.entry_price for trip in trips.open), Decimal(0))
    assert abs(found.net - (cash + cost_of_open)) < Decimal("1e-15")
    assert abs(found.net - sum((pair.net for pair in found.pairs), Decimal(0))) < Decimal("1e-15")
    parts = found.profitable.net + found.losing.net + found.probes.net + found.open.net + found.funding
    assert abs(found.net - parts) < Decimal("1e-15")
    assert abs(found.fees - sum((one.commission for one in fills), Decimal(0))) < Decimal("1e-15")
    position = {s: sum(t.quantity * t.side.sign for t in fills if t.symbol == s) for s in ("BTCUSDT", "ETHUSDT")}
    assert {t.symbol: t.quantity for t in trips.open} == {s: q for s, q in position.items() if q}


@given(FILLS)
def test_fault_36_fills_told_twice_or_out_of_order_count_once(rows: list[tuple[Side, int, int, int, str]]) -> None:
    fills = [trade(side, price, qty, symbol=symbol) for side, price, qty, _, symbol in rows]
    assert account([*reversed(fills), *fills]).net == account(fills).net
