"""Checks that ask the exchange. Each raises ExchangeUnreachable where it gets no answer."""

import asyncio
from collections.abc import AsyncIterator
from statistics import median

from canary_cli.core.model import Frame, SymbolRules
from canary_cli.core.trading.events import MarketEvent, StreamDown, StreamUp, UserEvent
from canary_cli.errors import ExchangeUnreachable
from canary_cli.session.skew import SKEW_LIMIT_MS, clock_skew
from canary_cli.steps.preflight.finding import Finding, Measure, failed, judged, passed, warned
from canary_cli.steps.preflight.scene import Scene

SAMPLES = 5
LATENCY_WARN_MS = 50.0  # the brief's network baseline
SKEW_WARN_MS = 250.0
STREAM_SECONDS = 8.0


async def rest(scene: Scene) -> Finding:
    """Round trip of `GET /fapi/v1/time`, on a connection that is already open."""
    await scene.exchange.server_time()
    trips = [await _round_trip_ms(scene) for _ in range(SAMPLES)]
    measure = Measure(round(median(trips), 1), "ms", LATENCY_WARN_MS)
    evidence = f"{scene.account.rest_url}: median {median(trips):.0f} ms of {SAMPLES}, worst {max(trips):.0f} ms"
    return judged(measure, evidence, "move closer to the exchange, or find what fills the line")


async def _round_trip_ms(scene: Scene) -> float:
    sent = scene.clock.monotonic()
    await scene.exchange.server_time()
    return 1000 * (scene.clock.monotonic() - sent)


async def clock(scene: Scene) -> Finding:
    """This machine's clock against the server's, taken at the middle of the quickest of a few round trips."""
    skew = min([await clock_skew(scene.exchange, scene.clock) for _ in range(SAMPLES)])[1]
    measure = Measure(round(abs(skew), 1), "ms", SKEW_WARN_MS, SKEW_LIMIT_MS)
    return judged(
        measure, f"this machine is {abs(skew):.0f} ms {'ahead' if skew > 0 else 'behind'}", "sync it: timedatectl"
    )


async def market_stream(scene: Scene) -> Finding:
    return await _first_sign(scene, scene.exchange.market_events(scene.pairs, (Frame.M15,)), "market data")


async def user_stream(scene: Scene) -> Finding:
    return await _first_sign(scene, scene.exchange.user_events(), "orders and account")


async def _first_sign(scene: Scene, events: AsyncIterator[MarketEvent | UserEvent], what: str) -> Finding:
    began = scene.clock.monotonic()
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            await _until_up(events)
    except TimeoutError:
        raise ExchangeUnreachable(f"{scene.account.stream_url}: no {what} within {STREAM_SECONDS:.0f} s") from None
    finally:
        await _close(events)
    waited = 1000 * (scene.clock.monotonic() - began)
    return passed(f"{what}: subscribed after {waited:.0f} ms", Measure(round(waited, 1), "ms"))


async def _until_up(events: AsyncIterator[MarketEvent | UserEvent]) -> None:
    async for event in events:
        if isinstance(event, StreamUp):
            return
        if isinstance(event, StreamDown):
            raise ExchangeUnreachable(f"stream: {event.reason}")
    raise ExchangeUnreachable("the stream ended before it began")


async def _close(events: AsyncIterator[MarketEvent | UserEvent]) -> None:
    close = getattr(events, "aclose", None)
    if close:
        await close()


async def keys(scene: Scene) -> Finding:
    """The signature is accepted, and the key may trade and do nothing worse."""
    snapshot, rights = await asyncio.gather(scene.exchange.snapshot(), scene.exchange.key_rights())
    if not snapshot.mode.can_trade or (rights and not rights.futures):
        return failed("the key may not trade futures", "enable futures for the key, and lift any ban on the account")
    if rights and rights.withdrawals:
        return failed("the key may withdraw", "make a key that may not: whoever steals this one takes everything")
    if rights and not rights.ip_restricted:
        return warned("the key works from any address", "restrict it to the addresses of this host and the second one")
    return passed("signed request accepted, trading allowed")


async def account_mode(scene: Scene) -> Finding:
    """The toolkit's orders carry no position side and its margin arithmetic knows one asset."""
    mode = (await scene.exchange.snapshot()).mode
    if mode.hedge:
        return failed("hedge mode", "switch the account to one-way mode while it is flat")
    if mode.multi_assets:
        return failed("multi-assets margin", "switch the account to single-asset mode while it is flat")
    return passed("one-way, single-asset")


async def symbols(scene: Scene) -> Finding:
    rules = await scene.exchange.rules()
    wrong = [f"{pair} {fault}" for pair in scene.pairs if (fault := _fault(rules.get(pair)))]
    if wrong:
        return failed("; ".join(wrong), "take the pair out of the plan, or wait until it trades")
    return passed(f"{len(scene.pairs)} pairs TRADING, filters sane")


def _fault(rules: SymbolRules | None) -> str:
    if rules is None:
        return "is not listed"
    if rules.status != "TRADING":
        return f"is {rules.status}"
    if min(rules.tick, rules.market_step, rules.market_min_quantity, rules.min_notional) <= 0:
        return "has a filter that is not positive"
    return ""


async def trading_status(scene: Scene) -> Finding:
    """Too many cancels or dust orders make the exchange lock a symbol, or the account, for a while."""
    locks = [lock for lock in await scene.exchange.trading_locks() if lock.symbol in (*scene.pairs, "ACCOUNT")]
    if locks:
        seen = "; ".join(f"{lock.symbol} locked by {lock.indicator} until {lock.until:%H:%M} UTC" for lock in locks)
        return failed(seen, "wait until it ends; the plan can leave the pair out")
    return passed("nothing is locked")
