"""The control API over real sockets: what a right token may do, and what a wrong one learns."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from canary_cli.core.clock import ManualClock
from canary_cli.errors import ExchangeUnreachable, Refused
from canary_cli.monitor.control import FAILURES, WINDOW, Throttle, serving
from canary_cli.monitor.textfile import Gauge
from tests.steps.runs import START

TOKEN = "correct-horse-é"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer guess"}


@dataclass
class Desk:
    """Latches in memory."""

    account: str = "desk"
    latches: list[tuple[str, str]] = field(default_factory=list)
    trouble: Exception | None = None

    async def disable(self, by: str, reason: str) -> None:
        if self.trouble:
            raise self.trouble
        self.latches.append((by, reason))

    async def enable(self, by: str, reason: str) -> tuple[str, ...]:
        if self.trouble:
            raise self.trouble
        self.latches.clear()
        return ("control-api",)

    def status(self) -> Mapping[str, Any]:
        return {"account": self.account, "trading": not self.latches}

    def gauges(self) -> Sequence[Gauge]:
        return (Gauge("canary_latched", "h", ("account",), {("desk",): float(bool(self.latches))}),)


@dataclass
class Site:
    desk: Desk
    clock: ManualClock
    base: str
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, headers: dict[str, str] = RIGHT, **more: Any) -> tuple[int, str]:
        async with self.http.request(method, self.base + path, headers=headers, **more) as answer:
            return answer.status, await answer.text()

    async def disable(self, headers: dict[str, str] = RIGHT, **more: Any) -> tuple[int, str]:
        return await self.ask("POST", "/api/trading/disable", headers, **more)

    async def enable(self, **told: str) -> tuple[int, str]:
        return await self.ask("POST", "/api/trading/enable", json=told)


@asynccontextmanager
async def a_site() -> AsyncIterator[Site]:
    desk, clock = Desk(), ManualClock(START)
    async with (
        serving(desk, SecretStr(TOKEN), "127.0.0.1", 0, clock.monotonic) as port,
        aiohttp.ClientSession() as http,
    ):
        yield Site(desk, clock, f"http://127.0.0.1:{port}", http)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site() as made:
        yield made


async def test_disable_needs_no_body_and_says_what_it_did(site: Site) -> None:
    assert await site.disable() == (200, "Trading disabled\n")
    assert site.desk.latches == [("control API", "asked over HTTP")]


@pytest.mark.parametrize("body", [{"data": b"{not json"}, {"json": [1]}, {"json": {"by": 3}}, {"data": "x" * 100_000}])
async def test_no_body_however_broken_keeps_disable_from_working(site: Site, body: dict[str, Any]) -> None:
    assert (await site.disable(**body))[0] == 200
    assert len(site.desk.latches) == 1


@pytest.mark.parametrize(
    "kind", ["application/json; charset=bogus", "text/plain; charset=bogus", "multipart/form-data"]
)
async def test_no_kind_of_body_however_odd_keeps_disable_from_working(site: Site, kind: str) -> None:
    assert (await site.disable({**RIGHT, "Content-Type": kind}, data=b"{}"))[0] == 200
    assert len(site.desk.latches) == 1


async def test_half_a_character_is_written_as_what_can_be(site: Site) -> None:
    told = {"data": b'{"by": "ana", "reason": "\\ud800"}', "headers": {**RIGHT, "Content-Type": "application/json"}}
    assert (await site.disable(**told))[0] == 200
    assert site.desk.latches == [("ana", "?")]


@pytest.mark.parametrize("form", ["json", "data"])
async def test_who_and_why_come_as_json_or_as_a_form(site: Site, form: str) -> None:
    assert (await site.disable(**{form: {"by": "ana", "reason": "odd fills"}}))[0] == 200
    assert site.desk.latches == [("ana", "odd fills")]


async def test_a_program_gets_a_document(site: Site) -> None:
    async with site.http.post(
        site.base + "/api/trading/disable", headers={**RIGHT, "Accept": "application/json"}
    ) as answer:
        told = await answer.json()
    assert told == {"schema_version": 1, "message": "Trading disabled", "account": "desk", "trading": False}


async def test_a_latch_that_could_not_be_written_is_never_answered_with_200(site: Site) -> None:
    site.desk.trouble = Refused("NOT disabled: disk full", "canary close-all")
    assert await site.disable() == (503, "NOT disabled: disk full\nnext: canary close-all\n")
    site.desk.trouble = OSError("gone")
    assert (await site.disable())[0] == 503


@pytest.mark.parametrize("headers", [{}, WRONG, {"Authorization": TOKEN}, {"Authorization": "Bearer \udcff"}])
async def test_without_the_token_nothing_is_told_and_nothing_done(site: Site, headers: dict[str, str]) -> None:
    headers = {name: value.encode("utf-8", "replace").decode() for name, value in headers.items()}
    async with site.http.post(site.base + "/api/trading/disable", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert TOKEN not in await answer.text()
    for method, path in (("GET", "/api/trading/status"), ("POST", "/api/trading/enable"), ("GET", "/metrics")):
        assert (await site.ask(method, path, headers))[0] == 401
    assert site.desk.latches == []


async def test_guessing_is_slowed_down_but_never_keeps_a_stop_from_working(site: Site) -> None:
    for _ in range(FAILURES):
        assert (await site.disable(WRONG))[0] == 401
    assert (await site.disable(WRONG))[0] == 429
    assert (await site.ask("GET", "/api/trading/status"))[0] == 429  # a guess that hit would not show either
    assert (await site.disable())[0] == 200
    await site.clock.advance(WINDOW)
    assert (await site.ask("GET", "/api/trading/status"))[0] == 200


async def test_enabling_wants_who_why_and_the_accounts_name(site: Site) -> None:
    site.desk.latches.append(("ana", "odd"))
    assert await site.enable() == (400, "enable wants by, reason, account\n")
    status, said = await site.enable(by="ana", reason="mended", account="other")
    assert (status, said) == (409, "this is desk, not other: still latched\n")
    assert len(site.desk.latches) == 1
    assert await site.enable(by="ana", reason="mended", account="desk") == (
        200,
        "Trading enabled; cleared: control-api\n",
    )
    assert site.desk.latches == []


@pytest.mark.parametrize(
    ("trouble", "status"), [(Refused("no stop rests for BTCUSDT"), 409), (ExchangeUnreachable("no answer"), 503)]
)
async def test_enabling_is_refused_as_the_verb_is(site: Site, trouble: Exception, status: int) -> None:
    site.desk.trouble = trouble
    assert (await site.enable(by="ana", reason="x", account="desk"))[0] == status


async def test_health_is_open_and_figures_are_not(site: Site) -> None:
    assert await site.ask("GET", "/healthz", {}) == (200, "ok\n")
    status, text = await site.ask("GET", "/metrics")
    assert status == 200
    assert 'canary_latched{account="desk"} 0.0' in text


async def test_a_port_that_is_taken_is_an_os_error(site: Site) -> None:
    port = int(site.base.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        async with serving(Desk(), SecretStr(TOKEN), "127.0.0.1", port, site.clock.monotonic):
            pass


def test_addresses_are_counted_apart() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(FAILURES):
        throttle.failed("a")
    assert throttle.wait("a") == WINDOW
    assert throttle.wait("b") == 0.0
