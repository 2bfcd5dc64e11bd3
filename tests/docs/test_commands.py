"""What a document tells people to type is what the program understands."""

import pytest
import typer

from tests.docs.commands import DOCUMENTS, Command, flags, in_fences, in_units, inline, parse


@pytest.mark.parametrize("command", [*in_fences(), *in_units()], ids=str)
def test_every_command_in_a_document_is_understood(command: Command) -> None:
    parse(command.words)


@pytest.mark.parametrize("command", sorted(set(inline())), ids=str)
def test_every_command_quoted_in_text_names_a_verb_and_flags_of_its_own(command: Command) -> None:
    if command.words[0].isupper():
        return  # `canary VERB` stands for all
    used = {word.partition("=")[0] for word in command.words if word.startswith("--")}
    assert used <= flags(command.words)


def test_a_shell_eats_an_unquoted_hash_here_too() -> None:
    with pytest.raises(typer.TyperException, match="requires an argument"):
        parse(("alert", "--message", "x", "--channel"))


@pytest.mark.parametrize("words", [("no-such-verb",), ("alert", "--no-such-flag")])
def test_the_check_itself_can_fail(words: tuple[str, ...]) -> None:
    with pytest.raises(typer.TyperException):
        parse(words)


def test_there_is_something_to_check() -> None:
    assert {"README.md", "cli.md", "architecture.md"} <= {path.name for path in DOCUMENTS}
