"""The table of the brief names something for every line; what it names is checked like any quoted command."""

import re

from tests.docs.commands import ROOT, inline

ROW = re.compile(r"^\| (?!the brief|---)(.+?) \| (.+?) \|$", re.MULTILINE)
BRIEF = ROOT / "docs" / "brief.md"


def test_every_line_of_the_brief_has_a_verb_a_person_or_an_honest_word() -> None:
    for line, done_by in ROW.findall(BRIEF.read_text()):
        assert re.search(r"`canary |by a person|not yet|journal|runbooks/", done_by), line


def test_every_command_the_owner_types_has_its_verb() -> None:
    typed = {command.words[0] for command in inline() if command.where == "brief.md"}
    owners = (
        "preflight run deploy close-all rollback alert snapshot-db restore-db verify-db pnl postmortem trading plan"
    )
    assert set(owners.split()) <= typed
