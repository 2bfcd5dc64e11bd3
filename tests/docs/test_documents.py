"""Generated parts are fresh, links lead somewhere, and every verb has its place."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from canary_cli.app import VERBS
from tests.docs.commands import DOCUMENTS, ROOT

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def test_generated_parts_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert checked.stderr == ""
    assert checked.returncode == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_is_in_the_reference_and_on_the_first_page(verb: object) -> None:
    assert f"## `canary {verb.name}`" in (ROOT / "docs" / "cli.md").read_text()
    assert f"| `{verb.name}` |" in (ROOT / "README.md").read_text()
