"""Which account a verb speaks to: named, default, the one running rehearsal, or paper; never a guess between two."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.main import get_command

from canary_cli import app
from canary_cli.accounts import (
    LIVE_REST,
    LIVE_WS_API,
    VERBS,
    choose_account,
    find_home,
    folder_name,
    on_account,
    running_rehearsals,
)
from canary_cli.errors import ConfigurationError, ExchangeUnreachable, UsageError

LIVE = '[desk-live]\nkind = "live"\n'
DEMO = '[demo]\nkind = "demo"\nrest_url = "http://127.0.0.1:1"\nstream_url = "ws://127.0.0.1:1"\n'


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CANARY_", "BINANCE_")):
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "golive.toml").write_text("")
    return tmp_path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_API_KEY", "the-key")
    monkeypatch.setenv("BINANCE_API_SECRET", "the-secret")


def profiles(home: Path, text: str) -> None:
    (home / "accounts.toml").write_text(text)


def rehearsal(home: Path, name: str, pid: int) -> None:
    folder = home / ".canary" / "exchanges"
    folder.mkdir(parents=True, exist_ok=True)
    entry = {
        "account": name,
        "pid": pid,
        "port": 4711,
        "plan_start": "2026-02-22T10:00:00+00:00",
        "wall_start": "2026-11-21T04:00:00+00:00",
        "speed": 120,
    }
    (folder / f"{folder_name(name)}.json").write_text(json.dumps(entry))


def test_nothing_configured_is_paper(home: Path) -> None:
    assert choose_account(None, home).banner == "ACCOUNT paper PAPER"


def test_the_only_running_rehearsal_is_meant_and_carries_its_own_time(home: Path) -> None:
    rehearsal(home, "rehearsal:7f3a", os.getpid())
    account = choose_account(None, home)
    assert account.banner == "ACCOUNT rehearsal:7f3a PAPER"
    assert account.rest_url == "http://127.0.0.1:4711"
    assert account.plan_time is not None
    assert account.plan_time.plan_start == datetime(2026, 2, 22, 10, tzinfo=UTC)


def test_a_rehearsal_whose_exchange_ended_is_not_one(home: Path) -> None:
    rehearsal(home, "rehearsal:dead", 2**22 + 1)
    (home / ".canary" / "exchanges" / "half-written.json").write_text("{")
    assert running_rehearsals(home) == {}
    with pytest.raises(ExchangeUnreachable, match="the paper exchange of rehearsal:dead has ended"):
        choose_account("rehearsal:dead", home)


def test_two_and_none_chosen_names_both(home: Path) -> None:
    profiles(home, DEMO)
    rehearsal(home, "rehearsal:7f3a", os.getpid())
    with pytest.raises(UsageError, match="2 accounts and none chosen: demo, rehearsal:7f3a") as refused:
        choose_account(None, home)
    assert refused.value.hint == "add --account NAME"


@pytest.mark.usefixtures("keys")
def test_the_flag_beats_the_variable_beats_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles(home, 'default = "desk-live"\n' + LIVE + DEMO)
    assert choose_account(None, home).name == "desk-live"
    monkeypatch.setenv("CANARY_ACCOUNT", "demo")
    assert choose_account(None, home).name == "demo"
    assert choose_account("paper", home).name == "paper"


def test_an_unknown_name_lists_the_known_ones(home: Path) -> None:
    profiles(home, DEMO)
    with pytest.raises(UsageError, match="no account named desk") as refused:
        choose_account("desk", home)
    assert refused.value.hint == "choose one of: demo"


@pytest.mark.usefixtures("keys")
def test_live_is_the_real_exchange_and_shows_no_key(home: Path) -> None:
    profiles(home, LIVE)
    account = choose_account(None, home)
    assert (account.rest_url, account.api_key, account.api_secret) == (LIVE_REST, "the-key", "the-secret")
    assert "the-key" not in repr(account)
    assert "the-secret" not in repr(account)


def test_missing_keys_name_every_way_to_give_them(home: Path) -> None:
    profiles(home, LIVE)
    with pytest.raises(ConfigurationError, match="account desk-live: no api_key") as refused:
        choose_account(None, home)
    assert refused.value.hint == "set BINANCE_API_KEY, BINANCE_API_KEY_FILE, or api_key_file in accounts.toml"
    assert choose_account(None, home, keyless=True).name == "desk-live"


def test_a_key_file_that_others_can_read_is_refused(home: Path) -> None:
    key = home / "key"
    key.write_text("k\n")
    key.chmod(0o644)
    profiles(home, LIVE + f'api_key_file = "{key}"\n')
    with pytest.raises(ConfigurationError, match="can be read by others") as refused:
        choose_account(None, home)
    assert refused.value.hint == f"chmod 600 {key}"


def test_a_key_file_gives_the_key_without_its_newline(home: Path) -> None:
    for name in ("key", "secret"):
        (home / name).write_text(f"{name}-value\n")
        (home / name).chmod(0o600)
    profiles(home, LIVE + f'api_key_file = "{home}/key"\napi_secret_file = "{home}/secret"\n')
    account = choose_account(None, home)
    assert (account.api_key, account.api_secret) == ("key-value", "secret-value")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[desk]\n", "kind is ''"),
        ('[desk]\nkind = "prod"\n', "kind is 'prod'"),
        ('[desk]\nkind = "demo"\n', "rest_url is missing"),
        ("[desk\n", "accounts.toml"),
        (LIVE.replace("-live", "") + 'rest_url = "http://fapi.binance.com"\n', "does not begin with https://"),
        (LIVE.replace("-live", "") + 'ws_api_url = "https://ws-fapi.binance.com"\n', "does not begin with wss://"),
        (LIVE.replace("-live", "") + 'ws_api_url = "ws://[oops"\n', "does not begin with wss://"),
        (LIVE.replace("-live", "") + f'rest_url_alternate = "{LIVE_REST}/"\n', "rest_url_alternate is rest_url"),
    ],
)
def test_a_wrong_profile_says_what_and_where(home: Path, text: str, complaint: str) -> None:
    profiles(home, text)
    with pytest.raises(ConfigurationError, match=complaint):
        choose_account("desk", home)


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("unreadable", [Path.mkdir, _no_text, lambda path: path.symlink_to("nowhere")])
def test_a_list_of_accounts_that_cannot_be_read_is_not_none(home: Path, unreadable: Callable[[Path], None]) -> None:
    """It had the built-in paper account closed instead, and said of that one that nothing was open."""
    unreadable(home / "accounts.toml")
    with pytest.raises(ConfigurationError, match=r"accounts\.toml: "):
        choose_account(None, home)


def test_an_empty_variable_chooses_no_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_ACCOUNT", "")
    assert choose_account(None, home).name == "paper"


def test_a_key_that_is_no_text_is_a_wrong_key(home: Path) -> None:
    key = home / "key"
    _no_text(key)
    key.chmod(0o600)
    profiles(home, f'[desk]\nkind = "live"\napi_key_file = "{key}"\n')
    with pytest.raises(ConfigurationError, match="key: is no text"):
        choose_account("desk", home)


def test_a_live_account_has_a_second_way_and_any_account_may_name_another_host(home: Path, keys: None) -> None:
    profiles(home, LIVE + 'rest_url_alternate = "https://standby.example.com"\n\n' + DEMO)
    live, demo = choose_account("desk-live", home), choose_account("demo", home)
    assert (live.ws_api_url, live.rest_url_alternate) == (LIVE_WS_API, "https://standby.example.com")
    assert (demo.ws_api_url, demo.rest_url_alternate) == ("", "")


def test_state_of_each_account_lies_apart(home: Path) -> None:
    rehearsal(home, "rehearsal:7f3a", os.getpid())
    account = choose_account(None, home)
    assert account.state_dir == home / ".canary" / "rehearsal-7f3a"
    assert account.log_dir == home / "logs" / "rehearsal-7f3a"


def test_home_is_found_from_any_folder_below_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = home / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_home() == home


def test_home_may_be_named_but_never_relative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CANARY_HOME", str(tmp_path))
    assert find_home() == tmp_path
    monkeypatch.setenv("CANARY_HOME", str(tmp_path / "mistyped"))
    with pytest.raises(ConfigurationError, match="is no folder"):
        find_home()
    monkeypatch.setenv("CANARY_HOME", "here")
    with pytest.raises(ConfigurationError, match="not absolute"):
        find_home()


@pytest.mark.parametrize(
    ("hint", "pasted"),
    [
        ("canary why", "canary why --account desk"),
        ("canary close-all, or insist with --all", "canary close-all --account desk, or insist with --all"),
        ("choose another: canary backups list", "choose another: canary backups list --account desk"),
        ("canary restore-db --backup FILE", "canary restore-db --account desk --backup FILE"),
        ("canary run --account a    # or canary stop", "canary run --account a    # or canary stop --account desk"),
        ("canary plan check FILE", "canary plan check FILE"),
        ("canary run --rehearse", "canary run --rehearse"),
        ("canary rollback --help", "canary rollback --help"),
        ("start one: canary paper serve", "start one: canary paper serve"),
    ],
)
def test_what_is_to_be_pasted_names_the_account(hint: str, pasted: str) -> None:
    assert on_account(hint, "desk") == pasted


def test_every_verb_that_takes_an_account_is_known() -> None:
    found = set()
    for verb in (one for one in app.VERBS if one.name != "paper"):
        command = get_command(app.build([verb.name])).commands[verb.name]  # type: ignore[attr-defined]
        for name, one in getattr(command, "commands", {"": command}).items():
            if any("--account" in option.opts for option in one.params):
                found.add(f"{verb.name} {name}".strip())
    assert found == set(VERBS)
