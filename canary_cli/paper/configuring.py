"""Changing how the account holds positions: leverage, margin type, position and multi-assets mode, isolated margin."""

from decimal import Decimal

from canary_cli.core.model import ZERO, PositionSide
from canary_cli.paper import problems
from canary_cli.paper.account import MARGIN_ASSET
from canary_cli.paper.margin import largest_notional
from canary_cli.paper.orders import ConfigChange
from canary_cli.paper.settling import tell_account
from canary_cli.paper.state import State


def set_leverage(state: State, symbol: str, leverage: int) -> Decimal:
    """Returns the largest notional it allows. Lowering it needs margin for what is held."""
    brackets = state.listing(symbol).brackets
    if not 1 <= leverage <= brackets[0].leverage:
        raise problems.leverage_not_valid(leverage)
    config, before = state.account.config(symbol), state.account.config(symbol).leverage
    if leverage < before and config.isolated and any(True for _ in state.account.open_holdings(symbol)):
        raise problems.isolated_leverage_with_position()
    most = largest_notional(leverage, brackets)
    held = sum((abs(one.quantity) * state.marks[symbol] for one in state.account.open_holdings(symbol)), ZERO)
    if held > most:
        raise problems.beyond_leverage() if leverage > before else problems.leverage_too_low_for_position()
    config.leverage = leverage
    if (
        leverage < before
        and state.account.cross_wallet + state.account.cross_unrealized(state.marks)
        < state.account.position_margin(state.marks) + state.order_margin()
    ):
        config.leverage = before
        raise problems.leverage_too_low_for_position()
    state.events.append(ConfigChange(state.now, symbol, leverage))
    return most


def set_margin_type(state: State, symbol: str, *, isolated: bool) -> None:
    state.listing(symbol)
    config = state.account.config(symbol)
    if config.isolated == isolated:
        raise problems.same_margin_type()
    if state.orders.has_open(symbol) or state.conditionals.has_open(symbol):
        raise problems.margin_type_with_orders()
    if any(True for _ in state.account.open_holdings(symbol)):
        raise problems.margin_type_with_position()
    if isolated and state.account.multi_assets:
        raise problems.isolated_with_multi_assets()
    config.isolated = isolated
    held = state.account.holding(symbol, PositionSide.LONG if state.account.hedge else PositionSide.BOTH)
    tell_account(state, "MARGIN_TYPE_CHANGE", [MARGIN_ASSET], [held])


def set_hedge(state: State, *, hedge: bool) -> None:
    if state.account.hedge == hedge:
        raise problems.same_position_mode()
    _check_idle(state)
    state.account.hedge = hedge


def _check_idle(state: State) -> None:
    if state.orders.symbols_with_open() or state.conditionals.count():
        raise problems.mode_with_open_orders()
    if any(True for _ in state.account.open_holdings()):
        raise problems.mode_with_position()


def set_multi_assets(state: State, *, multi_assets: bool) -> None:
    if state.account.multi_assets == multi_assets:
        raise problems.same_multi_assets_mode()
    if state.orders.symbols_with_open():
        raise problems.multi_assets_with_orders()
    if multi_assets and any(config.isolated for config in state.account.configs.values()):
        raise problems.multi_assets_with_isolated()
    state.account.multi_assets = multi_assets
    state.events.append(ConfigChange(state.now, multi_assets=multi_assets))


def change_margin(state: State, symbol: str, side: PositionSide, amount: Decimal) -> None:
    """Add margin to an isolated position (positive) or take it back."""
    state.listing(symbol)
    held = state.account.holding(symbol, side)
    if not state.account.is_isolated(held):
        raise problems.margin_only_for_isolated()
    if not held.quantity:
        raise problems.no_position_for_margin()
    if amount > 0 and amount > state.available:
        raise problems.cross_balance_insufficient()
    if amount < 0 and held.isolated_wallet + amount < state.account.initial_of(held, state.marks):
        raise problems.isolated_balance_insufficient()
    held.isolated_wallet += amount
    tell_account(state, "MARGIN_TRANSFER", [MARGIN_ASSET], [held])
