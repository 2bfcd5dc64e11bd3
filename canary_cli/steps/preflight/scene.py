"""What the checks look at: an account's world and the plan that is to run on it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from canary_cli.accounts import Account
from canary_cli.bootstrap import World
from canary_cli.core.clock import Clock

if TYPE_CHECKING:
    from canary_cli.core.policy.plan import Plan
    from canary_cli.session.exchange import Exchange


@dataclass(frozen=True)
class Scene:
    """`plan` and what is made from it raise PlanError, so that each check says for itself what it could not see."""

    world: World
    plan_path: Path

    @property
    def account(self) -> Account:
        return self.world.account

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def exchange(self) -> "Exchange":
        return self.world.exchange

    @property
    def home(self) -> Path:
        return self.world.home

    @cached_property
    def plan(self) -> "Plan":
        from canary_cli.steps.plan import load_plan

        return load_plan(self.plan_path, self.home)

    @property
    def pairs(self) -> tuple[str, ...]:
        return self.plan.pairs

    @property
    def unreachable_hint(self) -> str:
        return "canary paper serve" if self.account.is_paper else "is the exchange up, and this machine online?"
