"""What a document tells people to type is what the program understands."""

import ast
import re

import pytest
import typer

from canary_cli.app import VERBS
from tests.docs.commands import DOCUMENTS, ROOT, Command, flags, in_fences, in_units, inline, parse

NAMES = {verb.name for verb in VERBS}
HINT = re.compile(r"canary ([a-z][a-z-]*)\b")


@pytest.mark.parametrize("command", [*in_fences(), *in_units()], ids=str)
def test_every_command_in_a_document_is_understood(command: Command) -> None:
    parse(command.words)


@pytest.mark.parametrize("command", sorted(set(inline())), ids=str)
def test_every_command_quoted_in_text_names_a_verb_and_flags_of_its_own(command: Command) -> None:
    if command.words[0].isupper():
        return  # `canary VERB` stands for all
    used = {word.partition("=")[0] for word in command.words if word.startswith("--")}
    assert used <= flags(command.words)


def test_every_hint_of_the_program_names_a_verb_that_is_there() -> None:
    said = {
        (path.name, found[1])
        for path in (ROOT / "canary_cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := HINT.match(node.value))
    }
    assert {(name, verb) for name, verb in said if verb not in NAMES} == set()


def test_a_shell_eats_an_unquoted_hash_here_too() -> None:
    with pytest.raises(typer.TyperException, match="requires an argument"):
        parse(("alert", "--message", "x", "--channel"))


@pytest.mark.parametrize("words", [("no-such-verb",), ("alert", "--no-such-flag")])
def test_the_check_itself_can_fail(words: tuple[str, ...]) -> None:
    with pytest.raises(typer.TyperException):
        parse(words)


def test_there_is_something_to_check() -> None:
    assert {"README.md", "cli.md", "go-live.md"} <= {path.name for path in DOCUMENTS}
    assert Command("restore-database.md", ("verify-db",)) in set(in_fences())  # in a list, so indented
