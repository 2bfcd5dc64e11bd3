"""Finds the commands in documents, split as a shell would split them, and gives them to the real command line."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from typer.main import get_command

from canary_cli.app import build

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("runbooks/**/*.md")] if path.is_file()
)
UNITS = sorted((ROOT / "runbooks" / "systemd").iterdir())
FENCE = re.compile(r"^ *```(?:bash|console|sh)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`canary ([^`]+)`")
BETWEEN = set("();<>|&")


class Command(NamedTuple):
    where: str
    words: tuple[str, ...]


def in_fences() -> Iterator[Command]:
    """Every `canary ...` of every shell block, without what pipes and redirections add."""
    for path in DOCUMENTS:
        for block in FENCE.findall(path.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                for words in _simple_commands(line.strip().removeprefix("$ ")):
                    yield from _ours(path, words)


def in_units() -> Iterator[Command]:
    """What systemd starts."""
    for path in UNITS:
        for line in path.read_text().splitlines():
            if line.startswith("ExecStart="):
                yield from _ours(path, shlex.split(line.removeprefix("ExecStart=")))


def inline() -> Iterator[Command]:
    """Every `canary ...` quoted in running text; it may stop short, and stand for others (`...`)."""
    for path in DOCUMENTS:
        for text in INLINE.findall(path.read_text()):
            yield Command(path.name, tuple(text.split()))


def _simple_commands(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for token in lexer:
        if set(token) <= BETWEEN:
            yield words
            words = []
        else:
            words.append(token)
    yield words


def _ours(path: Path, words: list[str]) -> Iterator[Command]:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words and words[0].rpartition("/")[2] == "canary":
        yield Command(path.name, tuple(words[1:]))


def parse(words: tuple[str, ...]) -> None:
    """Everything the command line does before the verb itself begins. Raises typer.TyperException where it is wrong."""
    command, rest, parent = get_command(build(words)), list(words), None
    name = "canary"
    while True:
        try:
            context = command.make_context(name, rest, parent=parent)
        except typer.Exit:  # --help, --version
            return
        left = [*context._protected_args, *context.args] if hasattr(command, "commands") else []
        if not left:
            return
        name, command, rest = command.resolve_command(context, left)
        parent = context


def flags(words: tuple[str, ...]) -> set[str]:
    """The flags that the verb named by `words` (and its sub-verb) understands. Raises KeyError for an unknown verb."""
    command, known = get_command(build(words)), {"--help", "--version"}
    for word in words:
        if not hasattr(command, "commands") or word.startswith("-"):
            break
        command, *_ = [command.commands[either] for either in word.split("|")]
        known |= {spelling for option in command.params for spelling in (*option.opts, *option.secondary_opts)}
    return known
