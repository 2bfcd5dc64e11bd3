"""Plans from files: what `runbooks/` holds, as values, and what a plan means on the clock and in money."""

import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from canary_cli.accounts import find_home
from canary_cli.core.policy.contacts import Contact, parse_contacts
from canary_cli.core.policy.decisions import Due, schedule
from canary_cli.core.policy.exposure import Stake, stakes
from canary_cli.core.policy.fields import parse_instant
from canary_cli.core.policy.parsing import parse_plan
from canary_cli.core.policy.plan import Plan
from canary_cli.core.policy.rollback import Rollback, parse_rollback
from canary_cli.core.policy.rollback_built_in import BUILT_IN
from canary_cli.errors import PlanError, UsageError

T = TypeVar("T")

SHIPPED = Path(__file__).resolve().parents[2] / "runbooks"
"""Of the checkout that runs; an installed wheel has none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan on the clock and in money."""

    path: Path
    plan: Plan
    start: datetime
    schedule: tuple[Due, ...]
    equity: Decimal
    stakes: tuple[Stake, ...]


def default_plan(home: Path) -> Path:
    return home / "runbooks" / "golive.toml"


def stock(home: Path) -> bool:
    """Give a home without runbooks those that are shipped, to rehearse with; whether it had none."""
    folder = home / "runbooks"
    if os.path.lexists(folder) or not SHIPPED.is_dir():
        return False
    shutil.copytree(SHIPPED, folder)
    return True


def load_plan(path: Path | None, home: Path) -> Plan:
    """The plan in `path`, or the one shipped in `runbooks/`. Raises PlanError naming the file and every problem."""
    return load(path or default_plan(home), parse_plan)


def load_rollback(home: Path) -> Rollback:
    """`runbooks/rollback.toml`. Raises PlanError."""
    return load(home / "runbooks" / "rollback.toml", parse_rollback)


def rollback_to_run(home: Path) -> tuple[Rollback, str]:
    """`runbooks/rollback.toml`, or what is built in where that cannot be read, and then why it cannot."""
    try:
        return load_rollback(home), ""
    except PlanError as error:
        return BUILT_IN, error.message


def contacts_to_call(home: Path) -> tuple[Contact, ...]:
    """Whoever can be found: without `runbooks/contacts.toml` roles stay roles."""
    try:
        return load_contacts(home)
    except PlanError:
        return ()


def load_contacts(home: Path) -> tuple[Contact, ...]:
    """`runbooks/contacts.toml`. Raises PlanError."""
    return load(home / "runbooks" / "contacts.toml", parse_contacts)


def load(path: Path, parse: Callable[[dict[str, Any], str], T]) -> T:
    """Read a TOML file and make of it what `parse(document, sha256)` makes. Numbers stay exact."""
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode(), parse_float=Decimal)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}", _instead(path)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path}: {error}", "mend the file; it is TOML") from None
    try:
        return parse(document, sha256(content).hexdigest())
    except PlanError as error:
        raise PlanError(f"{path}: {error.message}", error.hint) from None


def _instead(path: Path) -> str:
    """How to come by a file that is not there: one of a home's own runbooks is shipped."""
    shipped = SHIPPED / path.name
    if path.parent.name != "runbooks" or path.exists() or not shipped.is_file():
        return "name a file that exists: canary plan check FILE"
    return f"cp -r {SHIPPED} {path.parent}" if not path.parent.exists() else f"cp {shipped} {path}"


def check(path: Path | None) -> dict[Path, Plan | Rollback | tuple[Contact, ...]]:
    """Everything read, by file. Raises PlanError at the first file that is wrong, with all of its problems."""
    if path is not None:
        return {path: load(path, parse_plan)}
    home = find_home()
    return {
        default_plan(home): load_plan(None, home),
        home / "runbooks" / "rollback.toml": load_rollback(home),
        home / "runbooks" / "contacts.toml": load_contacts(home),
    }


def show(path: Path | None, start: str, equity: str, now: datetime) -> Shown:
    """A plan with its times from `start` (default: the plan's, or `now`) and its money for `equity`."""
    chosen = path or default_plan(find_home())
    plan = load(chosen, parse_plan)
    begins = _instant(start) if start else plan.start or now.replace(microsecond=0)
    money = _money(equity)
    return Shown(chosen, plan, begins, schedule(plan, begins), money, stakes(plan, money))


def _instant(text: str) -> datetime:
    moment = parse_instant(text)
    if moment is None:
        raise UsageError(f"--start {text}: no instant with a zone", "write it like 2026-02-22T10:00Z")
    return moment


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"--equity {text}: no amount above zero", "write it like 10000")
    return amount


def limits(plan: Plan) -> dict[str, dict[str, Decimal]]:
    """What a chart of drawdown (%) and one of order latency (ms) hold their curves against, the mildest first."""
    checks = (check for phase in plan.phases for check in phase.gate.checks if check.metric.startswith("latency"))
    alert = next((trigger for trigger in plan.triggers if trigger.metric == "latency_last"), None)
    latency = [("gate", check.limit) for check in checks][:1]
    if alert is not None:
        latency += [
            (name, limit) for name, limit in (("warning", alert.warning), ("rollback", alert.critical)) if limit
        ]
    return {
        "drawdown": {"pre-trip": plan.breaker.pre_trip, "breaker": plan.breaker.trip},
        "latency": dict(sorted(latency, key=lambda named: named[1])),
    }
