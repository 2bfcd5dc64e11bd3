"""Preflight says GO only when everything was looked at and nothing stops it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

import canary_cli
from canary_cli.accounts import Account, paper_account
from canary_cli.bootstrap import World
from canary_cli.core.clock import ManualClock
from canary_cli.core.model import ZERO, AccountMode, AccountSnapshot, Balance, KeyRights, SymbolRules, TradingLock
from canary_cli.core.policy.checks import Status
from canary_cli.core.trading.events import Stream, StreamDown, StreamUp
from canary_cli.errors import ExchangeUnreachable, ExitCode
from canary_cli.journal.latch import Latch, set_latch
from canary_cli.ledger.backups.manifest import Manifest, TableFacts, write_manifest
from canary_cli.settings import Settings
from canary_cli.steps import preflight as step
from canary_cli.steps.preflight import exchange, machine, people, state
from canary_cli.steps.preflight.finding import Checked, Finding, Measure, Report, judged, passed, skipped
from canary_cli.steps.preflight.scene import Scene

NOW = datetime(2026, 2, 22, 10, tzinfo=UTC)
PAIRS = ("BTCUSDT", "ETHUSDT")
RULES = SymbolRules("BTCUSDT", *[Decimal("0.1")] * 8)


class Venue:
    """An exchange whose answers and delays a test writes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.trip = timedelta(milliseconds=10)
        self.ahead = timedelta()
        self.mode = AccountMode(hedge=False, multi_assets=False)
        self.listed = {pair: replace(RULES, symbol=pair) for pair in PAIRS}
        self.locks: tuple[TradingLock, ...] = ()
        self.stream: Callable[[], list[StreamUp | StreamDown]] = lambda: [StreamUp(NOW, Stream.MARKET)]
        self.rights: KeyRights | None = None
        self.closed_streams = 0

    async def server_time(self) -> datetime:
        await self.clock.advance(self.trip.total_seconds())
        return self.clock.wall() - self.trip / 2 + self.ahead

    async def snapshot(self) -> AccountSnapshot:
        return AccountSnapshot(NOW, Balance(*[ZERO] * 4), self.mode)

    async def rules(self) -> dict[str, SymbolRules]:
        return self.listed

    async def trading_locks(self) -> tuple[TradingLock, ...]:
        return self.locks

    async def key_rights(self) -> KeyRights | None:
        return self.rights

    async def market_events(self, *_: object) -> AsyncIterator[StreamUp | StreamDown]:
        try:
            for event in self.stream():
                yield event
        finally:
            self.closed_streams += 1

    user_events = market_events

    async def close(self) -> None: ...


class Sketch:
    """A plan as far as the checks read it."""

    pairs = PAIRS
    sha256 = "ab" * 32


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def venue() -> Venue:
    return Venue(ManualClock(NOW))


@pytest.fixture
def scene(tmp_path: Path, venue: Venue) -> Scene:
    return scene_of(paper_account(tmp_path), venue)


@pytest.fixture
def live(tmp_path: Path, venue: Venue) -> Scene:
    return scene_of(Account("desk", "live", "https://x", "wss://x", tmp_path, "k", "s"), venue)


def scene_of(account: Account, venue: Venue) -> Scene:
    world = World(account)
    world.exchange, world.clock = venue, venue.clock
    made = Scene(world, account.home / "plan.toml")
    made.__dict__["plan"] = Sketch()
    return made


async def test_a_near_exchange_passes_and_names_its_figures(scene: Scene) -> None:
    found = await exchange.rest(scene)
    assert (found.status, found.measure) == (Status.PASS, Measure(10.0, "ms", 50.0))
    assert "median 10 ms of 5" in found.evidence


async def test_a_far_exchange_is_a_warning(scene: Scene, venue: Venue) -> None:
    venue.trip = timedelta(milliseconds=80)
    assert (await exchange.rest(scene)).status is Status.WARN


@pytest.mark.parametrize(
    ("ahead_ms", "status", "words"),
    [(0, Status.PASS, "0 ms"), (-300, Status.WARN, "300 ms ahead"), (1500, Status.FAIL, "1500 ms behind")],
)
async def test_a_clock_off_the_servers_is_seen_through_the_trip(
    scene: Scene, venue: Venue, ahead_ms: int, status: Status, words: str
) -> None:
    venue.ahead = timedelta(milliseconds=ahead_ms)
    found = await exchange.clock(scene)
    assert found.status is status
    assert words in found.evidence


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (AccountMode(hedge=True, multi_assets=False), "hedge"),
        (AccountMode(hedge=False, multi_assets=True), "multi-assets"),
    ],
)
async def test_account_modes_we_do_not_speak_stop(scene: Scene, venue: Venue, mode: AccountMode, words: str) -> None:
    assert (await exchange.account_mode(scene)).status is Status.PASS
    venue.mode = mode
    found = await exchange.account_mode(scene)
    assert found.status is Status.FAIL
    assert words in found.evidence


async def test_a_key_that_may_not_trade_stops(scene: Scene, venue: Venue) -> None:
    assert (await exchange.keys(scene)).status is Status.PASS
    venue.mode = AccountMode(hedge=False, multi_assets=False, can_trade=False)
    assert (await exchange.keys(scene)).status is Status.FAIL


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        (KeyRights(futures=True, withdrawals=False, ip_restricted=True), Status.PASS),
        (KeyRights(futures=True, withdrawals=False, ip_restricted=False), Status.WARN),
        (KeyRights(futures=True, withdrawals=True, ip_restricted=True), Status.FAIL),
        (KeyRights(futures=False, withdrawals=False, ip_restricted=True), Status.FAIL),
    ],
)
async def test_a_live_key_trades_and_does_nothing_worse(
    live: Scene, venue: Venue, rights: KeyRights, status: Status
) -> None:
    venue.rights = rights
    assert (await exchange.keys(live)).status is status


async def test_every_pair_must_trade_by_sane_filters(scene: Scene, venue: Venue) -> None:
    assert (await exchange.symbols(scene)).status is Status.PASS
    venue.listed = {"BTCUSDT": replace(RULES, status="SETTLING")}
    found = await exchange.symbols(scene)
    assert (found.status, found.evidence) == (Status.FAIL, "BTCUSDT is SETTLING; ETHUSDT is not listed")
    venue.listed = {pair: replace(RULES, tick=ZERO) for pair in PAIRS}
    assert (await exchange.symbols(scene)).status is Status.FAIL


async def test_a_lock_on_our_pair_or_on_the_account_stops(scene: Scene, venue: Venue) -> None:
    venue.locks = (TradingLock("DOGEUSDT", "UFR", NOW),)
    assert (await exchange.trading_status(scene)).status is Status.PASS
    venue.locks = (TradingLock("ACCOUNT", "IFER", NOW),)
    assert "ACCOUNT locked by IFER until 10:00 UTC" in (await exchange.trading_status(scene)).evidence


async def test_a_stream_that_comes_up_is_closed_again(scene: Scene, venue: Venue) -> None:
    assert (await exchange.market_stream(scene)).status is Status.PASS
    assert (await exchange.user_stream(scene)).status is Status.PASS
    assert venue.closed_streams == 2


@pytest.mark.parametrize("events", [[StreamDown(NOW, Stream.USER, "listen key refused")], []])
async def test_a_stream_that_does_not_come_up_is_the_exchange_being_away(
    scene: Scene, venue: Venue, events: list[StreamDown]
) -> None:
    venue.stream = lambda: events
    with pytest.raises(ExchangeUnreachable):
        await exchange.user_stream(scene)


async def test_a_silent_stream_is_given_up(scene: Scene, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: object) -> AsyncIterator[StreamUp]:
        await asyncio.Event().wait()
        yield StreamUp(NOW, Stream.USER)

    monkeypatch.setattr(exchange, "STREAM_SECONDS", 0.01)
    venue.user_events = silence
    with pytest.raises(ExchangeUnreachable, match="no orders and account within"):
        await exchange.user_stream(scene)


async def test_a_latch_stops_and_says_who_and_why(scene: Scene) -> None:
    assert (await state.latch(scene)).status is Status.PASS
    scene.account.state_dir.mkdir(parents=True)
    set_latch(scene.account.state_dir, Latch("breaker", "drawdown -3.1 %", "canary", NOW))
    found = await state.latch(scene)
    assert found.status is Status.FAIL
    assert "set by breaker at 2026-02-22 10:00 UTC: drawdown -3.1 %" in found.evidence


async def test_a_live_plan_needs_its_own_standing_approval(live: Scene) -> None:
    from canary_cli.journal.record import Record
    from canary_cli.journal.writer import Journal

    assert (await state.approval(live)).status is Status.FAIL
    live.account.log_dir.mkdir(parents=True)
    journal = Journal(live.account.log_dir, live.clock.now)
    approve = {"what": "start", "by": "alpha", "plan_sha256": "cd" * 32, "expires": "2026-02-23T00:00:00+00:00"}
    journal.append(Record("approval", data=approve))
    journal.append(
        Record("approval", data=approve | {"plan_sha256": Sketch.sha256, "expires": "2026-02-21T00:00:00+00:00"})
    )
    assert (await state.approval(live)).status is Status.FAIL
    journal.append(Record("approval", data=approve | {"plan_sha256": Sketch.sha256}))
    found = await state.approval(live)
    assert (found.status, found.evidence) == (Status.PASS, "by alpha at 2026-02-22 10:00 UTC")
    journal.close()


def backup_of(scene: Scene, account: str, age: timedelta) -> Path:
    folder = scene.home / "backups"
    folder.mkdir(exist_ok=True)
    path, at = folder / f"backup_{NOW - age:%Y-%m-%d_%H%M}.db.gz", NOW - age
    path.write_bytes(b"rows")
    facts = {"orders": TableFacts(24), "trades": TableFacts(18)}
    digest = sha256(b"rows").hexdigest()
    write_manifest(
        folder, Manifest(path.name, account, at, digest, 4, "sqlite", "3", "0001", None, 7, facts, 0.1, "canary")
    )
    return path


async def test_no_backup_of_this_account_stops(scene: Scene) -> None:
    assert (await state.backup(scene)).status is Status.FAIL
    backup_of(scene, "another", timedelta(hours=1))
    assert (await state.backup(scene)).hint == "canary snapshot-db"


@pytest.mark.parametrize(("hours", "status"), [(1, Status.PASS), (7, Status.WARN), (25, Status.FAIL)])
async def test_a_backup_grows_old(scene: Scene, hours: int, status: Status) -> None:
    backup_of(scene, "paper", timedelta(hours=hours))
    found = await state.backup(scene)
    assert found.status is status
    assert "42 rows" in found.evidence


async def test_a_backup_that_is_not_what_its_manifest_says_stops(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    backup_of(scene, "paper", timedelta(hours=1)).write_bytes(b"r0ws")
    monkeypatch.setattr(step, "TIMED", {})
    monkeypatch.setattr(step, "CHECKS", {"backup": state.backup})
    (checked,) = (await step.preflight(scene.world, scene.plan_path)).checked
    assert checked.finding.status is Status.FAIL
    assert "sha256 differs" in checked.finding.evidence


async def test_the_database_is_reached_and_migrated(scene: Scene) -> None:
    found = await state.database(scene)
    assert found.status is Status.PASS
    assert "ledger.db: migrated, holds the journal up to line 0" in found.evidence
    scene.world.ledger.close()


async def test_a_database_that_is_away_stops_and_shows_no_password(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://canary:hunter2@127.0.0.1:9/canary")
    monkeypatch.setattr(step, "TIMED", {})
    monkeypatch.setattr(step, "CHECKS", {"database": state.database})
    (checked,) = (await step.preflight(scene.world, scene.plan_path)).checked
    assert checked.finding.status is Status.FAIL
    assert "127.0.0.1" in checked.finding.evidence
    assert "hunter2" not in checked.finding.evidence


async def test_paper_needs_no_restore_drill_and_live_does(scene: Scene, live: Scene) -> None:
    assert (await state.restore_drill(scene)).status is Status.SKIP
    assert (await state.restore_drill(live)).status is Status.FAIL
    scene.world.ledger.close()
    live.world.ledger.close()


async def test_an_env_file_that_others_can_read_stops(scene: Scene) -> None:
    env = scene.home / ".env"
    env.write_text("SLACK_BOT_TOKEN=xoxb-secret\n")
    env.chmod(0o644)
    found = await machine.environment(scene)
    assert (found.status, found.hint) == (Status.FAIL, f"chmod 600 {env}")
    env.chmod(0o600)
    del scene.world.__dict__["settings"]
    found = await machine.environment(scene)
    assert found.status is Status.PASS
    assert "SLACK_BOT_TOKEN" in found.evidence
    assert "xoxb-secret" not in found.evidence


async def test_a_full_disk_stops(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FREE_FAIL_GIB", 1e9)
    assert (await machine.disk(scene)).status is Status.FAIL


def git(home: Path, *words: str) -> None:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    subprocess.run(["git", *words], cwd=home, env={**os.environ, **who}, check=True, capture_output=True)


async def test_live_runs_from_main_and_from_nothing_beside_it(live: Scene) -> None:
    home = live.home
    git(home, "init", "-b", "main")
    (home / "a").write_text("")
    git(home, "add", "a")
    git(home, "commit", "-m", "first")
    assert (await machine.branch(live)).status is Status.PASS
    (home / "a").write_text("changed")
    assert "1 files differ" in (await machine.branch(live)).evidence
    git(home, "commit", "-am", "second")
    git(home, "switch", "-c", "wip")
    assert "on branch wip" in (await machine.branch(live)).evidence


async def test_live_runs_the_heuristics_that_are_committed(live: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not the checkout" in (await machine.heuristics(live)).evidence
    monkeypatch.setattr(machine, "RUNNING", live.home / "canary_cli")
    git(live.home, "init", "-b", "main")
    git(live.home, "commit", "--allow-empty", "-m", "first")
    assert "is in no commit" in (await machine.heuristics(live)).evidence
    code = live.home / machine.HEURISTICS / "generator.py"
    code.parent.mkdir(parents=True)
    code.write_text("")
    git(live.home, "add", ".")
    git(live.home, "commit", "-m", "second")
    assert (await machine.heuristics(live)).status is Status.PASS


async def test_the_signals_are_proven_on_this_machine(scene: Scene) -> None:
    found = await machine.signals(scene)
    assert found.status is Status.PASS
    assert "TA-Lib" in found.evidence


async def test_the_plan_is_proved_whole(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    del scene.__dict__["plan"]
    shipped = Scene(scene.world, Path(canary_cli.__file__).parents[1] / "runbooks" / "golive.toml")
    assert (await machine.plan(shipped)).status is Status.PASS
    scene.plan_path.write_text("[[phase]]\n")
    monkeypatch.setattr(step, "TIMED", {})
    monkeypatch.setattr(step, "CHECKS", {"plan": machine.plan, "symbols": exchange.symbols})
    made = await step.preflight(scene.world, scene.plan_path)
    assert [one.finding.status for one in made.checked] == [Status.FAIL, Status.ERROR]


async def test_what_is_about_people_and_code_does_not_apply_to_paper(scene: Scene) -> None:
    for check in (machine.branch, machine.heuristics, people.alerts, people.monitoring, state.approval):
        assert (await check(scene)).status is Status.SKIP


async def test_live_without_a_way_to_call_anybody_stops(live: Scene) -> None:
    found = await people.alerts(live)
    assert (found.status, found.evidence) == (Status.FAIL, "not configured: slack, pagerduty")
    assert found.hint == "set SLACK_BOT_TOKEN and PAGERDUTY_ROUTING_KEY"


async def test_channels_that_refuse_stop(live: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-t")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "k")
    monkeypatch.setenv("PAGERDUTY_API_URL", "https://127.0.0.1:9")
    found = await people.alerts(live)
    assert found.status is Status.FAIL
    assert "slack: URLError" in found.evidence
    assert "pagerduty: ConnectError" in found.evidence


@pytest.mark.parametrize(("answer", "status"), [(200, Status.PASS), (503, Status.FAIL)])
async def test_monitoring_is_asked_whether_it_is_ready(
    scene: Scene, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, answer: int, status: Status
) -> None:
    httpserver.expect_request("/-/ready").respond_with_data("", answer)
    monkeypatch.setenv("PROMETHEUS_URL", httpserver.url_for("/"))
    assert (await people.monitoring(scene)).status is status


async def test_monitoring_that_is_away_stops(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", "http://127.0.0.1:9")
    assert (await people.monitoring(scene)).status is Status.FAIL


@pytest.mark.parametrize("value", [float("nan"), 51.0])
def test_no_number_is_beyond_every_limit(value: float) -> None:
    assert judged(Measure(value, "ms", 10.0, 50.0), "seen", "do").status is Status.FAIL
    assert judged(Measure(value, "ms", 10.0), "seen", "do").status is Status.WARN


def report(*findings: Finding) -> Report:
    checks = tuple(Checked(f"check {number}", found, 0.0) for number, found in enumerate(findings))
    return Report("paper", "paper", "plan.toml", NOW, 0.0, checks)


UNREACHABLE = Finding(Status.FAIL, "no answer", unreachable=True)


@pytest.mark.parametrize(
    ("findings", "word", "code"),
    [
        ([skipped("paper")], "NO_GO", ExitCode.NO_GO),
        ([passed("fine"), skipped("paper")], "GO", ExitCode.DONE),
        ([passed("fine"), Finding(Status.WARN, "slow")], "GO", ExitCode.DONE),
        ([passed("fine"), Finding(Status.FAIL, "bad")], "NO_GO", ExitCode.NO_GO),
        ([passed("fine"), Finding(Status.ERROR, "dark")], "NO_GO", ExitCode.NO_GO),
        ([passed("fine"), UNREACHABLE], "EXCHANGE_UNREACHABLE", ExitCode.EXCHANGE_UNREACHABLE),
        ([], "NO_GO", ExitCode.NO_GO),
    ],
)
def test_only_all_clear_is_go(findings: list[Finding], word: str, code: ExitCode) -> None:
    assert report(*findings).result.word == word
    assert report(*findings).result.code is code


async def test_one_broken_check_hides_no_other(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Scene) -> Finding:
        raise ExchangeUnreachable("no route")

    async def broken(_: Scene) -> Finding:
        raise RuntimeError("oops")

    async def silent(_: Scene) -> Finding:
        return await asyncio.Event().wait()

    monkeypatch.setattr(step, "TIMED", {"rest": away})
    monkeypatch.setattr(step, "CHECKS", {"broken": broken, "silent": silent, "latch": state.latch})
    monkeypatch.setattr(step, "CHECK_SECONDS", 0.01)
    made = await step.preflight(scene.world, scene.plan_path)
    assert [(one.name, one.finding.status) for one in made.checked] == [
        ("rest", Status.FAIL),
        ("broken", Status.ERROR),
        ("silent", Status.ERROR),
        ("latch", Status.PASS),
    ]
    assert made.result.code is ExitCode.EXCHANGE_UNREACHABLE
