"""Plans from files: what `runbooks/` holds, as values."""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from canary_cli.core.policy.parsing import parse_plan
from canary_cli.core.policy.plan import Plan
from canary_cli.errors import PlanError

T = TypeVar("T")


def default_plan(home: Path) -> Path:
    return home / "runbooks" / "golive.toml"


def load_plan(path: Path | None, home: Path) -> Plan:
    """The plan in `path`, or the one shipped in `runbooks/`. Raises PlanError naming the file and every problem."""
    return load(path or default_plan(home), parse_plan)


def load(path: Path, parse: Callable[[dict[str, Any], str], T]) -> T:
    """Read a TOML file and make of it what `parse(document, sha256)` makes. Numbers stay exact."""
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode(), parse_float=Decimal)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}", "name a plan that exists: canary plan check FILE") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanError(f"{path}: {error}", "mend the file; it is TOML") from None
    try:
        return parse(document, sha256(content).hexdigest())
    except PlanError as error:
        raise PlanError(f"{path}: {error.message}", error.hint) from None
