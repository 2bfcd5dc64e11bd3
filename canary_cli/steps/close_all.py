"""Close the account, or one pair of it, and verify it: latch, read, flatten, what it cost, who goes on."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from decimal import Decimal

from canary_cli.bootstrap import World
from canary_cli.core.model import AccountSnapshot, OrderRequest, OrderType, Side, SymbolRules
from canary_cli.core.trading.flatten import Begin, CancelAlgo, CancelAll, Flatten, Leg, Style, decide
from canary_cli.core.trading.flatten.plan import closable, close_order, pieces
from canary_cli.core.trading.hands import closing_prefix
from canary_cli.core.trading.replies import Confirmed, Rejected
from canary_cli.errors import ExchangeUnreachable, ExitCode, Result, UsageError
from canary_cli.journal.closing import closing
from canary_cli.journal.record import Record
from canary_cli.session.aftermath import execution_cost
from canary_cli.session.flattening import FlattenReport, Progress, flatten
from canary_cli.steps import looking
from canary_cli.steps.booking import PATIENCE, book
from canary_cli.steps.interrupting import Interrupted, Interruption
from canary_cli.steps.latching import latch_entries, note
from canary_cli.steps.sweep import Sweeper, hand_over, look_or_page, page_another_hand, start_sweeper

PROOF_PATIENCE = 5.0
"""Wall seconds to wait for what a dry run reads: a monitoring system itself gives up after ten."""

HASTE = 0.5
"""Wall seconds for each question about what a closing cost whose own time is up."""

_KEY_CODES = frozenset({-1022, -2014, -2015})


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """`timeout` is wall seconds for this command, None for as long as it takes; `only` is one pair, without a latch.

    `reason` is what was typed, empty where nothing was: stopping needs none.
    """

    by: str
    style: Style = Style.MARKET
    timeout: float | None = 60.0
    only: str | None = None
    recheck: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseResult:
    """`pnl` is None where the fills could not be read; the failures say why latch or journal are not on disk.

    `interrupted`: a signal came before the account was flat. `only`: all this is about one pair.
    """

    report: FlattenReport
    pnl: Decimal | None
    latched: bool
    latch_failure: str
    sweeper: Sweeper | None
    journal_failure: str = ""
    interrupted: Interrupted | None = None
    only: str | None = None

    @property
    def result(self) -> Result:
        if self.interrupted is not None:
            return self.interrupted.result
        code = ExitCode.DONE if self.report.is_flat else ExitCode.INCOMPLETE
        return Result(str(self.report.outcome), code)


async def close(
    world: World, request: CloseRequest, on_progress: Callable[[Progress], None], interruption: Interruption
) -> CloseResult:
    """Raises NotClosed, and pages, where the key is refused; whatever else fails is tried again until the time-out.

    Raises UsageError for a pair that the exchange does not know.

    An interruption is the time-out come early. Who goes on is settled before anything else is asked.
    """
    with _mark(world, request):
        return await _close(world, request, on_progress, interruption)


def _mark(world: World, request: CloseRequest) -> AbstractContextManager[None]:
    """While the whole account is closed nobody lets it trade again. A pair that is closed keeps nobody from it."""
    return nullcontext() if request.only else closing(world.account.state_dir)


async def _close(
    world: World, request: CloseRequest, on_progress: Callable[[Progress], None], interruption: Interruption
) -> CloseResult:
    began = world.clock.monotonic()
    unlatched = "" if request.only else latch_entries(world, "close-all", _why(request), request.by)
    known, rules = await look_or_page(world, _share(request.timeout))
    _check_pair(request.only, known, rules)
    note(world, _beginning(request))
    report = await flatten(
        world.exchange, world.clock, known, rules, _cause(request), on_progress, request.timeout,
        style=request.style, only=request.only, given_up=interruption.came, tripped=began,
    )  # fmt: skip
    page_another_hand(world.account, report)
    sweeper = _hand_over(world, request, report)
    patience = PATIENCE if report.is_flat else HASTE
    pnl = await _cost(world, report, patience)
    unnoted = note(world, _ending(report, pnl, request))
    await book(world, report, patience)
    interrupted = None if report.is_flat else interruption.by
    return CloseResult(report, pnl, request.only is None, unlatched, sweeper, unnoted, interrupted, request.only)


def _check_pair(pair: str | None, known: AccountSnapshot | None, rules: Mapping[str, SymbolRules]) -> None:
    """A slip of the pen must not look like a pair that is closed. One that is held is closed, listed or not."""
    held = {one.symbol for one in known.positions} if known is not None else {pair}
    if pair and rules and pair not in {*rules, *held}:
        raise UsageError(f"{pair} is no pair of this exchange: nothing was closed", "what is open: canary positions")


def _share(timeout: float | None) -> float:
    """Of a short time the first look takes no more than half."""
    return looking.PATIENCE if timeout is None else min(looking.PATIENCE, timeout / 2)


async def _cost(world: World, report: FlattenReport, patience: float) -> Decimal | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            return await execution_cost(world.exchange, report)
    return None


def _cause(request: CloseRequest) -> str:
    return f"close {request.only}" if request.only else "close-all"


def _why(request: CloseRequest) -> str:
    return request.reason or f"{_cause(request)} typed by hand"


def _beginning(request: CloseRequest) -> Record:
    data = {"cause": _cause(request)}
    return Record("flatten_started", pair=request.only or "", actor=request.by, reason=_why(request), data=data)


def _ending(report: FlattenReport, pnl: Decimal | None, request: CloseRequest) -> Record:
    data = {
        "run": report.run,
        "first_byte": report.first_byte,
        "acknowledged": report.acknowledged,
        "verified": report.verified,
        "pnl": pnl,
        "grown": report.grown,
        "left": [{"symbol": one.symbol, "quantity": one.quantity} for one in report.left],
        "dust": [{"symbol": one.symbol, "quantity": one.quantity} for one in report.dust],
    }
    event = "flat" if report.is_flat else "flatten_incomplete"
    return Record(event, pair=request.only or "", actor=request.by, status=str(report.outcome), data=data)


def _hand_over(world: World, request: CloseRequest, report: FlattenReport) -> Sweeper | None:
    """Whatever is left goes to a process of its own, and so do the re-checks of an account that is flat."""
    if report.is_flat and (request.only or not request.recheck):
        return None
    if report.is_flat:
        return start_sweeper(world.account, None, is_flat=True)
    return hand_over(world.account, report, request.only)


# What would be done


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The deeds a real run would send, from the same planner, and the exchange's answer to one signed test order.

    `stops` counts the protective ones, which go last: once the account is flat.
    """

    cancels: tuple[CancelAll | CancelAlgo, ...]
    closes: tuple[OrderRequest, ...]
    stops: int
    test_order: str
    accepted: bool


async def rehearse(world: World, request: CloseRequest) -> Rehearsed:
    """Sends nothing that executes. Raises ExchangeUnreachable where the account cannot be read."""
    exchange = world.exchange  # made before the clock runs: loading its library is not the exchange's silence
    try:
        async with asyncio.timeout(PROOF_PATIENCE):
            known, rules = await asyncio.gather(exchange.snapshot(urgent=False), exchange.rules())
    except TimeoutError:
        raise ExchangeUnreachable(f"NO ANSWER from {world.account.rest_url} within {PROOF_PATIENCE:g} s") from None
    state = Flatten(closing_prefix("dry", request.only), rules, request.style, request.only)
    state, effects = decide(state, Begin(world.clock.monotonic(), known))
    cancels = tuple(effect for effect in effects if isinstance(effect, (CancelAll, CancelAlgo)))
    closes = [order for leg in state.legs.values() for order in _closes(state, leg)]
    stops = sum(len(algos) for algos in state.algos.values()) - sum(isinstance(one, CancelAlgo) for one in cancels)
    said, accepted = await _try_signature(world, closes, rules)
    return Rehearsed(cancels, tuple(closes), stops, said, accepted)


def _closes(state: Flatten, leg: Leg) -> list[OrderRequest]:
    """All pieces of a leg, also those that would follow the first wave."""
    filters = state.rules.get(leg.position.symbol)
    parts = pieces(closable(leg, filters), filters)
    return [close_order(state, leg, quantity, f"{state.prefix}{n}") for n, quantity in enumerate(parts, 1)]


async def _try_signature(
    world: World, closes: list[OrderRequest], rules: Mapping[str, SymbolRules]
) -> tuple[str, bool]:
    """Any answer but one about the key proves the way: key, signature, address and network."""
    order = closes[0] if closes else _smallest(rules)
    if order is None:
        return "no pair to test with", False
    reply = await world.exchange.test_order(order)
    match reply:
        case Confirmed():
            return "accepted", True
        case Rejected(code, message):
            return f"answered {code}: {message}", code not in _KEY_CODES
        case _:
            return str(reply), False


def _smallest(rules: Mapping[str, SymbolRules]) -> OrderRequest | None:
    filters = rules.get("BTCUSDT") or next(iter(rules.values()), None)
    if filters is None:
        return None
    return OrderRequest(
        closing_prefix("dry", None) + "0", filters.symbol, Side.BUY, filters.market_min_quantity, OrderType.MARKET
    )
