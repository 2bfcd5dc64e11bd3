"""Fills the generated blocks of the documents from the code, so that they cannot say what the program does not do.

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; NAME is a key of `BLOCKS`.
`python docs/generate.py` writes; with `--check` it writes nothing, names what differs, and exits 1.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from io import StringIO
from os import environ
from pathlib import Path

import faults
from example import example
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from canary_cli.app import VERBS, Verb, build
from canary_cli.errors import ExitCode
from canary_cli.render.live import frame
from canary_cli.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PLAIN_TERMINAL = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100", "FORCE_COLOR": None, "GITHUB_ACTIONS": None}


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def exit_codes() -> str:
    rows = [f"| {code:d} | `{code.name}` | {code.meaning} |" for code in ExitCode]
    return "\n".join(["| exit | name | meaning |", "|---|---|---|", *rows])


def verbs() -> str:
    rows = [f"| `{verb.name}` | {verb.help} |" for verb in VERBS]
    return "\n".join(["| verb | does |", "|---|---|", *rows])


def helps() -> str:
    return "\n\n".join(section for verb in VERBS for section in _sections(verb))


def _sections(verb: Verb) -> Iterator[str]:
    yield _help(verb.name)
    if verb.is_group:
        for name in get_command(build([verb.name])).commands[verb.name].commands:
            yield _help(f"{verb.name} {name}")


def _help(words: str) -> str:
    argv = [*words.split(), "--help"]
    shown = CliRunner(env=PLAIN_TERMINAL).invoke(build(argv), argv, prog_name="canary")
    if shown.exit_code:
        raise SystemExit(f"canary {words} --help: {shown.exception or shown.output}")
    text = "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines())
    return f"## `canary {words}`\n\n```text\n{text}\n```"


def settings() -> str:
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    return f"`{field.default}`" if field.default and not isinstance(field.default, SecretStr) else ""


def contracts() -> str:
    """The import rules that `make check` enforces, by their names in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return "\n".join(f"- {one['name']}" for one in project["tool"]["importlinter"]["contracts"])


def live() -> str:
    """One frame of the live view, drawn by the view itself."""
    environ["TERM"] = "xterm-256color"
    console = Console(file=StringIO(), width=100, height=40, color_system=None, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(frame(example(), console))
    lines = [line.rstrip() for line in captured.get().rstrip().splitlines()]
    return "\n".join(["```text", *lines, "```"])


BLOCKS: dict[str, Callable[[], str]] = {
    "exit-codes": exit_codes,
    "verbs": verbs,
    "help": helps,
    "settings": settings,
    "contracts": contracts,
    "live": live,
    "faults": faults.table,
}


def filled(text: str) -> str:
    """The document with every block made anew. Raises KeyError for a block nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def main(arguments: list[str]) -> int:
    stale = [path for path in documents() if filled(path.read_text()) != path.read_text()]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: make docs\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(filled(path.read_text()))
        sys.stderr.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
