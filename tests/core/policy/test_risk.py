"""The risk gate: its order, its codes, and that nothing gets through at more than every cap allows."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_cli.core.model import Side, SymbolRules
from canary_cli.core.policy.breaker import Zone
from canary_cli.core.policy.plan import Plan
from canary_cli.core.policy.risk import Cleared, Code, Context, Proposal, Refused, TradingState, judge
from canary_cli.core.policy.sizing import Depth
from tests.core.policy.conftest import NOON

RULES = SymbolRules(
    symbol="BTCUSDT",
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    market_step=Decimal("0.001"),
    market_min_quantity=Decimal("0.001"),
    market_max_quantity=Decimal(120),
    min_notional=Decimal(100),
)
ASK = Proposal("BTCUSDT", Side.BUY, Decimal(50_000), Decimal(500), NOON)


@pytest.fixture
def context(plan: Plan) -> Context:
    return make(plan)


def make(plan: Plan, number: int = 1, **changes: object) -> Context:
    phase = plan.phase(number)
    made = Context(
        now=NOON,
        limits=plan.risk,
        phase=phase,
        pairs=plan.pairs,
        rules=RULES,
        mark=Decimal(50_000),
        equity=Decimal(100_000),
        free_margin=Decimal(100_000),
        gross=Decimal(0),
        open_risk=Decimal(0),
        leverage=Decimal(5),
    )
    return replace(made, **changes)


def test_a_tenth_of_one_percent_at_the_stop_in_phase_one(context: Context) -> None:
    found = judge(ASK, context)
    assert isinstance(found, Cleared)
    assert found.quantity == Decimal("0.2")  # 100 USDT of 100,000, 500 from the stop
    assert "0.100 % of equity" in found.detail


@pytest.mark.parametrize(("number", "quantity"), [(1, "0.2"), (2, "1"), (3, "2")])
def test_fault_50_the_next_phase_sizes_new_entries_and_leaves_open_ones_alone(
    plan: Plan, number: int, quantity: str
) -> None:
    found = judge(ASK, make(plan, number))
    assert isinstance(found, Cleared)
    assert found.quantity == Decimal(quantity)
    held = judge(ASK, make(plan, number, open_pairs=frozenset({"BTCUSDT"})))
    assert isinstance(held, Refused)
    assert held.code is Code.POSITION_OPEN


IN_ORDER: list[tuple[Code, dict[str, object]]] = [
    (Code.LATCHED, {"latched": "by alpha"}),
    (Code.HALTED, {"state": TradingState.HALTED}),
    (Code.SIGNALS_SUSPENDED, {"signals_suspended": True}),
    (Code.BREAKER_RISKY, {"zone": Zone.PRE_TRIP}),
    (Code.PAIR_NOT_IN_PHASE, {"pairs": ("ETHUSDT",)}),
    (Code.PAIR_HELD, {"held_pairs": frozenset({"BTCUSDT"})}),
    (Code.NO_EQUITY, {"equity": None}),
    (Code.POSITION_OPEN, {"open_pairs": frozenset({"BTCUSDT"})}),
    (Code.OPEN_RISK, {"open_risk": Decimal(300)}),
    (Code.DUPLICATE, {"last_entry": NOON - timedelta(seconds=59)}),
    (Code.COLLAR, {"mark": Decimal(49_000)}),
    (Code.MARGIN, {"free_margin": Decimal(20_000)}),
    (Code.MINIMUM, {"rules": replace(RULES, min_notional=Decimal(10_001))}),
    (Code.ORDER_QUOTA, {"quota_used": Decimal(80)}),
    (Code.STALE, {"stale": "mark is 3 s old"}),
]


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_the_first_refusal_in_the_design_s_order_wins(plan: Plan, first: int) -> None:
    """Everything from one station on is wrong at once; the code is that of the first."""
    wrong: dict[str, object] = {}
    for _, changes in reversed(IN_ORDER[first:]):
        wrong |= changes
    found = judge(ASK, make(plan, **wrong))
    assert isinstance(found, Refused)
    assert found.code is IN_ORDER[first][0]
    assert found.detail


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (Code.REDUCING, {"state": TradingState.REDUCING}),
        (Code.BREAKER_BLOCKED, {"zone": Zone.TRIGGERED}),
        (Code.NO_PHASE, {"phase": None}),
        (Code.BAD_FIGURES, {"rules": None}),
        (Code.BAD_FIGURES, {"mark": None}),
        (Code.BAD_FIGURES, {"open_risk": None}),
        (Code.BAD_FIGURES, {"gross": Decimal("NaN")}),
        (Code.NO_EQUITY, {"equity": Decimal(0)}),
        (Code.MAX_PAIRS, {"open_pairs": frozenset(f"P{i}USDT" for i in range(20))}),
        (Code.GROSS, {"gross": Decimal(100_000)}),
        (Code.LIQUIDITY, {"depth": Depth(Decimal(0), Decimal(0))}),
        (Code.MARGIN, {"free_margin": None}),
    ],
)
def test_every_other_code(plan: Plan, code: Code, changes: dict[str, object]) -> None:
    found = judge(ASK, make(plan, **changes))
    assert isinstance(found, Refused)
    assert found.code is code


def test_unmeasured_liquidity_refuses_where_the_plan_requires_it(plan: Plan) -> None:
    limits = replace(plan.risk, liquidity=replace(plan.risk.liquidity, required=True))
    found = judge(ASK, make(plan, limits=limits))
    assert isinstance(found, Refused)
    assert found.code is Code.LIQUIDITY_UNKNOWN


def test_a_cap_cuts_and_says_so(plan: Plan) -> None:
    found = judge(ASK, make(plan, open_risk=Decimal(250)))
    assert isinstance(found, Cleared)
    assert found.quantity == Decimal("0.1")
    assert "cut by open risk" in found.detail
    thin = judge(ASK, make(plan, depth=Depth(Decimal(20_000), Decimal(100_000))))
    assert isinstance(thin, Cleared)
    assert thin.quantity * 50_000 == 5_000


@pytest.mark.parametrize("price", ["1e12", "-50000", "0", "NaN", "Infinity", "50501"])
def test_fault_54_absurd_prices_never_become_orders(context: Context, price: str) -> None:
    found = judge(replace(ASK, price=Decimal(price)), context)
    assert isinstance(found, Refused)


def test_fault_54_a_signal_of_a_hundredfold_size_is_cut_to_the_caps(plan: Plan) -> None:
    """A stop a hundred times nearer asks for a hundred times the quantity."""
    found = judge(replace(ASK, stop_distance=Decimal(5)), make(plan))
    assert isinstance(found, Cleared)
    assert found.quantity * ASK.price <= 100_000
    assert "gross exposure" in found.detail


def test_fault_54_the_same_signal_a_thousand_times_becomes_one_order(plan: Plan) -> None:
    context, sent = make(plan), 0
    for _ in range(1000):
        if isinstance(judge(ASK, context), Cleared):
            sent += 1
            context = replace(context, last_entry=context.now)
        context = replace(context, now=context.now + timedelta(milliseconds=10))
    assert sent == 1


AMOUNT = st.decimals(0, 10**7, places=2)


@given(
    number=st.integers(1, 3),
    price=st.decimals(Decimal("0.01"), 10**5, places=2),
    stop=st.decimals(Decimal("0.01"), 10**4, places=2),
    equity=AMOUNT,
    free=AMOUNT,
    gross=AMOUNT,
    risk=AMOUNT,
    depth=st.none() | st.builds(Depth, AMOUNT, AMOUNT),
    leverage=st.integers(1, 20).map(Decimal),
)
def test_whatever_is_cleared_respects_every_cap_at_once(
    plan: Plan, number: int, price: Decimal, stop: Decimal, equity: Decimal, free: Decimal, gross: Decimal,
    risk: Decimal, depth: Depth | None, leverage: Decimal,
) -> None:  # fmt: skip
    context = make(plan, number, mark=price, equity=equity, free_margin=free, gross=gross, open_risk=risk,
                   depth=depth, leverage=leverage)  # fmt: skip
    found = judge(replace(ASK, price=price, stop_distance=stop), context)
    if isinstance(found, Refused):
        return
    phase, quantity = plan.phase(number), found.quantity
    slack = Decimal("1.000000001")
    assert quantity % RULES.market_step == 0
    assert RULES.market_min_quantity <= quantity <= RULES.market_max_quantity
    assert quantity * price >= RULES.min_notional
    assert quantity * stop <= equity * plan.risk.per_trade / 100 * phase.fraction * slack
    assert risk + quantity * stop <= equity * phase.caps.open_risk / 100 * slack
    assert gross + quantity * price <= equity * phase.caps.gross * slack
    assert quantity * price / leverage <= (free - equity * plan.risk.margin_reserve / 100) * slack
    if depth is not None:
        assert quantity * price <= min(depth.book / 4, depth.minute) * slack


@given(
    equity=st.decimals(1000, 10**6, places=0), more=st.decimals(0, 10**5, places=0), risk=st.decimals(0, 5000, places=0)
)
def test_more_at_stake_already_never_means_a_larger_entry(
    plan: Plan, equity: Decimal, more: Decimal, risk: Decimal
) -> None:
    def quantity(**at_stake: Decimal) -> Decimal:
        found = judge(ASK, make(plan, equity=equity, free_margin=equity, **at_stake))
        return found.quantity if isinstance(found, Cleared) else Decimal(0)

    assert quantity(open_risk=risk + more) <= quantity(open_risk=risk)
    assert quantity(gross=risk + more) <= quantity(gross=risk)
