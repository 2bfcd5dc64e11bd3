"""Who is told: roles, and how to reach whoever holds them. Made by `parse_contacts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from canary_cli.core.policy.fields import Fields, Problem
from canary_cli.core.policy.parsing import describe
from canary_cli.errors import PlanError

PLACEHOLDER = "+1-XXX-YYY-ZZZZ"


@dataclass(frozen=True, slots=True)
class Contact:
    """`role` is the word that runbooks and escalations use."""

    role: str
    duty: str
    name: str
    slack: str
    phone: str

    @property
    def is_placeholder(self) -> bool:
        """Nobody can be called under it."""
        return self.phone == PLACEHOLDER


def parse_contacts(document: Mapping[str, Any], _sha256: str) -> tuple[Contact, ...]:
    """Raises PlanError with one line for every problem."""
    problems: list[Problem] = []
    fields = Fields(document, "", problems)
    contacts = tuple(_contact(contact) for contact in fields.tables("contact", "contact"))
    fields.finish()
    if not contacts:
        problems.append(Problem("contact", "there is none", "add [[contact]]"))
    if problems:
        raise PlanError(describe(problems), "mend the file, then: canary plan check")
    return contacts


def _contact(fields: Fields) -> Contact:
    made = Contact(
        fields.text("role"), fields.text("duty"), fields.text("name"), fields.text("slack"), fields.text("phone")
    )
    fields.finish()
    return made
