"""The front door: every ending is one line and one code; nothing heavy is imported before a verb is typed."""

import json
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Annotated

import pytest
import typer

from canary_cli import app
from canary_cli.app import VERBS, Verb, run
from canary_cli.errors import DatabaseError, ExitCode, Refused, Result

HEAVY = (
    "rich",
    "pandas",
    "numpy",
    "talib",
    "aiohttp",
    "binance",
    "sqlalchemy",
    "pymysql",
    "slack_sdk",
    "pagerduty",
    "matplotlib",
)


def verb(monkeypatch: pytest.MonkeyPatch, command: object) -> None:
    """Register `command` as the only verb, `try`."""
    module = types.ModuleType("canary_cli.commands.try_")
    module.command = command
    monkeypatch.setitem(sys.modules, "canary_cli.commands.try_", module)
    monkeypatch.setattr(app, "VERBS", (Verb("try", "Tries.", "try_"),))


def test_a_verb_ends_with_its_word_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> Result:
        """Answers no."""
        return Result("NO_GO", ExitCode.NO_GO)

    verb(monkeypatch, command)
    assert run(["try"]) == 3
    assert capsys.readouterr().err.splitlines()[-1] == "RESULT NO_GO exit=3"


def test_a_verb_that_says_nothing_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, lambda: None)
    assert run(["try"]) == 0
    assert capsys.readouterr().err == "RESULT DONE exit=0\n"


def test_an_expected_error_is_what_and_what_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> Result:
        raise Refused("latched by breaker", "canary trading enable --by NAME --reason WHY")

    verb(monkeypatch, command)
    assert run(["try"]) == 10
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "error: latched by breaker",
        "next:  canary trading enable --by NAME --reason WHY",
        "RESULT REFUSED exit=10",
    ]


def test_an_error_under_json_is_one_document_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(json: bool = False) -> Result:
        raise DatabaseError("no answer from 127.0.0.1:3306", "start it")

    verb(monkeypatch, command)
    assert run(["try", "--json"]) == 8
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "result": "DATABASE",
        "error": {"slug": "database", "message": "no answer from 127.0.0.1:3306", "hint": "start it"},
        "exit_code": 8,
    }


@pytest.mark.parametrize("argv", [["try", "--no-such-flag"], ["no-such-verb"], ["try", "surplus"]])
def test_a_wrong_command_line_is_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    verb(monkeypatch, lambda: None)
    assert run(argv) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: No such") or "unexpected extra argument" in shown
    assert shown.endswith("RESULT USAGE exit=2\n")


def test_a_pair_typed_after_close_all_is_told_which_verb_closes_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["close-all", "BTCUSDT"]) == 2
    assert "one pair: canary close PAIR; nothing was closed" in capsys.readouterr().err


@pytest.mark.parametrize("group", [one.name for one in VERBS if one.is_group])
def test_a_group_without_its_word_is_one_line_of_error(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group]) == 2
    error, following, result = capsys.readouterr().err.splitlines()
    assert error.startswith(("error: Missing command", "error: which bar?"))
    assert following.startswith(f"next:  canary {group} ")
    assert result == "RESULT USAGE exit=2"


def test_no_words_at_all_are_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: canary ")
    assert not shown.err


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, typer.Abort])
def test_ctrl_c_is_interrupted_not_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], leaving: type[BaseException]
) -> None:
    def command() -> Result:
        raise leaving

    verb(monkeypatch, command)
    assert run(["try"]) == 130
    assert capsys.readouterr().err.endswith("RESULT INTERRUPTED exit=130\n")


@pytest.mark.parametrize(
    ("name", "unknown", "following"),
    [
        ("close-all", "this command has closed nothing and latched nothing", "canary positions"),
        ("rollback", "this command has closed nothing and latched nothing", "canary close-all"),
        ("stop", "whether entries are stopped is not known", "canary trading status"),
    ],
)
def test_ctrl_c_before_a_verb_heard_it_says_what_is_known_and_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, unknown: str, following: str
) -> None:
    def leave(_argv: object) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "_at_once", leave)
    assert run([name, "--account", "desk"]) == 130
    error, hint, result = capsys.readouterr().err.splitlines()
    assert unknown in error and f"{following} --account desk" in hint and result == "RESULT INTERRUPTED exit=130"


@pytest.mark.parametrize(
    ("loading", "said"), [("threading", "RESULT INTERRUPTED exit=130"), ("typer", "RESULT INTERRUPTED exit=130")]
)
def test_ctrl_c_while_a_verb_is_loaded_is_no_traceback(loading: str, said: str) -> None:
    """Whatever is being imported when it comes."""
    asked = f"""
import sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {loading!r}:
            sys.meta_path.remove(self)
            raise KeyboardInterrupt
for name in [name for name in sys.modules if name.partition(".")[0] == {loading!r}]:
    del sys.modules[name]
sys.meta_path.insert(0, Interrupting())
sys.argv = ["canary", "status"]
from canary_cli.__main__ import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr.splitlines()) == (130, [said])


def test_help_lists_every_verb_and_imports_nothing_heavy() -> None:
    asked = (
        f"import sys; from canary_cli.app import run; run(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    *listed, heavy = shown.stdout.splitlines()
    assert heavy == "[]"
    assert all(any(f"{one.name} " in line for line in listed) for one in VERBS)
    assert shown.stderr == ""


def test_version_is_one_line_without_typer() -> None:
    asked = """
import sys
from canary_cli.__main__ import main
sys.argv = ["canary", "--version"]
try:
    main()
finally:
    print("typer" in sys.modules)
"""
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    version, typer_loaded = shown.stdout.splitlines()
    assert version.startswith("canary ")
    assert typer_loaded == "False"


def test_a_bug_that_no_disk_takes_is_told_here_and_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    key = "A1" * 32

    def broken() -> None:
        raise ValueError(f"the key is {key}")

    verb(monkeypatch, broken)
    assert run(["try"]) == 1
    said = capsys.readouterr().err
    assert "ValueError: the key is" in said and key not in said
    assert "next:  report it with the lines above" in said


def test_whatever_ends_a_verb_asked_for_json_gets_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))

    def bug(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        raise ValueError(str(as_json))

    def refusal(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        raise Refused(f"latched: {as_json}", "canary status")

    for broken, code, word, message in (
        (bug, 1, "BUG", "ValueError: this is a bug in canary"),
        (refusal, 10, "REFUSED", "latched: True"),
    ):
        verb(monkeypatch, broken)
        assert run(["try", "--json"]) == code
        told = json.loads(capsys.readouterr().out)
        assert (told["schema_version"], told["result"], told["exit_code"]) == (1, word, code)
        assert told["error"]["message"] == message


@pytest.mark.parametrize("chosen", [["--account", "desk"], ["--account=desk"]])
def test_who_chose_an_account_by_flag_is_told_commands_on_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chosen: list[str]
) -> None:
    def refusal(account: Annotated[str, typer.Option("--account")] = "") -> None:
        raise Refused(f"latched on {account}", "canary why")

    verb(monkeypatch, refusal)
    assert run(["try", *chosen]) == 10
    assert "next:  canary why --account desk\n" in capsys.readouterr().err
    assert run(["try"]) == 10
    assert "next:  canary why\n" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_bug() -> None:
    endless = """
import sys, types
from canary_cli import app
module = types.ModuleType("canary_cli.commands.try_")
def command():
    while True:
        print("a line")
module.command = command
sys.modules[module.__name__] = module
app.VERBS = (app.Verb("try", "Tries.", "try_"),)
sys.exit(app.run(["try"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as talker:
        talker.stdout.readline()
        talker.stdout.close()
        assert talker.stderr.read() == "RESULT DONE exit=0\n"
        assert talker.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status",), 74, "error: the answer was not written whole: No space left on device"),
        (("status", "--json"), 74, "error: the answer was not written whole: No space left on device"),
        (("--help",), 74, "error: the answer was not written whole: No space left on device"),
        (("--version",), 74, ""),
        (("positions", "--json"), 7, "error: http://127.0.0.1:1: cannot connect"),
    ],
)
def test_an_answer_that_no_disk_takes_is_no_bug_and_no_success(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "accounts.toml").write_text('[desk]\nkind = "paper"\nport = 1\n')
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "canary_cli", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            env={**os.environ, "CANARY_HOME": str(tmp_path), "CANARY_ACCOUNT": "desk"},
        )  # fmt: skip
    assert ended.returncode == code, ended
    assert said in ended.stderr and "Traceback" not in ended.stderr, ended
    assert not list(tmp_path.rglob("crash-*"))


@pytest.mark.parametrize("one", VERBS, ids=lambda one: one.name)
def test_every_registered_verb_explains_itself(one: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([one.name, "--help"]) == 0
    assert one.name in capsys.readouterr().out
