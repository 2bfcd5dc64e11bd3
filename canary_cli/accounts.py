"""Which account a verb speaks to, and where its state lives. Standard library only: the kill path starts here.

`$CANARY_HOME` (default: the nearest folder upwards that holds `runbooks/`, from here or from this package) holds
`accounts.toml`, `.canary/<account>/` (latch, lease file, ledger) and `logs/<account>/` (journal).
"""

import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from canary_cli.errors import ConfigurationError, ExchangeUnreachable, UsageError

LIVE_REST = "https://fapi.binance.com"
LIVE_SPOT = "https://api.binance.com"  # tells what a key may do
LIVE_STREAM = "wss://fstream.binance.com"
LIVE_WS_API = "wss://ws-fapi.binance.com/ws-fapi/v1"
PAPER_PORT = 8899
PAPER_KEY = "paper-key-0000000000000000000000000000000000000000000000000000000"
PAPER_SECRET = "paper-secret-00000000000000000000000000000000000000000000000000000"  # noqa: S105  (the paper exchange's own)


VERBS = (
    "run", "deploy", "approve", "rollback", "pnl", "preflight", "alert", "close-all", "flatten", "close", "stop",
    "trading disable", "trading enable", "trading status", "positions", "snapshot-db", "restore-db", "verify-db",
    "backups list", "backups verify", "backups prune", "postmortem", "report", "watchdog", "incidents", "ack", "keep",
    "capture-logs", "status", "why", "monitor", "signals parity",
)  # fmt: skip
"""Those that act on a chosen account; `paper` makes one."""


def on_account(text: str, name: str) -> str:
    """`text` whose commands name the account, so that each can be pasted as it is."""
    verbs = "|".join(sorted(VERBS, key=len, reverse=True))
    command = rf"\bcanary (?:{verbs})\b(?!-)(?! --rehearse| --help)(?![^;,#\n]*--account)"
    return re.sub(command, lambda found: f"{found[0]} --account {name}", text)


@dataclass(frozen=True, slots=True)
class PlanTime:
    """How plan time runs on an account whose market is sped up (see `core.clock.ScaledClock`)."""

    plan_start: datetime
    wall_start: datetime
    speed: float


@dataclass(frozen=True, slots=True)
class Account:
    """One account to trade on. Keys are never shown: they are left out of `repr`.

    `rest_url_alternate` answers where `rest_url` does not, `ws_api_url` takes closes where neither does; "": none.
    `key_trouble` says why there is no key: nothing can be asked of the exchange then.
    """

    name: str
    kind: str  # live | demo | paper
    rest_url: str
    stream_url: str
    home: Path
    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    plan_time: PlanTime | None = None
    rest_url_alternate: str = ""
    ws_api_url: str = ""
    key_trouble: ConfigurationError | None = field(default=None, repr=False, compare=False)

    @property
    def is_paper(self) -> bool:
        return self.kind == "paper"

    @property
    def is_rehearsal(self) -> bool:
        return self.name.startswith("rehearsal:")

    @property
    def banner(self) -> str:
        return f"ACCOUNT {self.name} {self.kind.upper()}"

    @property
    def state_dir(self) -> Path:
        return self.home / ".canary" / folder_name(self.name)

    @property
    def log_dir(self) -> Path:
        return self.home / "logs" / folder_name(self.name)


def folder_name(account: str) -> str:
    """An account's name as a folder: `rehearsal:7f3a` becomes `rehearsal-7f3a`."""
    return account.replace(":", "-").replace("/", "-")


def find_home() -> Path:
    """`$CANARY_HOME`, else the nearest folder upwards with `runbooks/`.

    Raises ConfigurationError where there is none: state written into a random folder is state lost.
    """
    named = os.environ.get("CANARY_HOME")
    if named:
        home = Path(named)
        if not home.is_absolute():
            raise ConfigurationError(f"CANARY_HOME={named} is not absolute", "export CANARY_HOME=/full/path")
        if not home.is_dir():  # made anew it would hold another account's latch than the one that is meant
            raise ConfigurationError(f"CANARY_HOME={named} is no folder", "name the checkout, or make the folder first")
        return home
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / "runbooks" / "golive.toml").is_file():
                return folder
    raise ConfigurationError("no home: no runbooks/ folder here or above", "export CANARY_HOME=/path/to/the/checkout")


def choose_account(name: str | None, home: Path, *, keyless: bool = False) -> Account:
    """The account named, or the default, or the one running rehearsal, or `paper`.

    Raises UsageError when several could be meant and none is chosen, or the name is unknown; ExchangeUnreachable for a
    rehearsal whose exchange has ended; ConfigurationError where its key is missing, unless `keyless` says that what
    follows needs no key to begin with.
    """
    account = _choose(name, home)
    if account.key_trouble is not None and not keyless:
        raise account.key_trouble
    return account


def _choose(name: str | None, home: Path) -> Account:
    wanted = name or os.environ.get("CANARY_ACCOUNT")
    profiles = _profiles(home)
    rehearsals = running_rehearsals(home)
    if not wanted:  # a variable that is there and empty chooses nothing
        wanted = profiles.get("default") or _only_one(profiles, rehearsals)
    if wanted in rehearsals:
        return rehearsals[wanted]
    if wanted in profiles and isinstance(profiles[wanted], dict):
        return _from_profile(wanted, profiles[wanted], home)
    if wanted == "paper":
        return paper_account(home)
    if registry_path(home, wanted).exists():
        gone = f"the paper exchange of {wanted} has ended, and what was open on it is gone with it"
        raise ExchangeUnreachable(gone, "canary run --rehearse begins another")
    known = ", ".join(_names(profiles, rehearsals) or ["paper"])
    raise UsageError(f"no account named {wanted}", f"choose one of: {known}")


def paper_account(
    home: Path, port: int = PAPER_PORT, name: str = "paper", plan_time: PlanTime | None = None
) -> Account:
    here = f"127.0.0.1:{port}"
    return Account(
        name, "paper", f"http://{here}", f"ws://{here}", home, PAPER_KEY, PAPER_SECRET, plan_time,
        ws_api_url=f"ws://{here}/ws-fapi/v1",
    )  # fmt: skip


def registry_path(home: Path, account: str) -> Path:
    """Where a running paper exchange tells other terminals how to reach it."""
    return home / ".canary" / "exchanges" / f"{folder_name(account)}.json"


def running_rehearsals(home: Path) -> dict[str, Account]:
    """Rehearsals whose paper exchange still lives, by account name."""
    found = {}
    for path in sorted((home / ".canary" / "exchanges").glob("*.json")):
        try:
            entry = json.loads(path.read_text())
            os.kill(entry["pid"], 0)
            found[entry["account"]] = _from_registry(entry, home)
        except (OSError, ValueError, KeyError):
            continue  # its exchange has ended, or the file is half-written
    return found


def _from_registry(entry: dict[str, Any], home: Path) -> Account:
    time = PlanTime(
        datetime.fromisoformat(entry["plan_start"]), datetime.fromisoformat(entry["wall_start"]), float(entry["speed"])
    )
    return paper_account(home, entry["port"], entry["account"], time)


def _profiles(home: Path) -> dict[str, Any]:
    """Nothing where there is no such file. One that cannot be read is not none: another account would be meant."""
    path = home / "accounts.toml"
    if not os.path.lexists(path):
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{path}: {why}", "mend the file; see docs/configuration.md") from None


def _names(profiles: dict[str, Any], rehearsals: dict[str, Account]) -> list[str]:
    return sorted([name for name, value in profiles.items() if isinstance(value, dict)] + list(rehearsals))


def _only_one(profiles: dict[str, Any], rehearsals: dict[str, Account]) -> str:
    names = _names(profiles, rehearsals)
    if not names:
        return "paper"
    if len(names) == 1:
        return names[0]
    raise UsageError(f"{len(names)} accounts and none chosen: {', '.join(names)}", "add --account NAME")


def _from_profile(name: str, profile: dict[str, Any], home: Path) -> Account:
    kind = profile.get("kind", "")
    if kind not in ("live", "demo", "paper"):
        raise ConfigurationError(f"accounts.toml [{name}]: kind is {kind!r}", 'write kind = "live", "demo" or "paper"')
    if kind == "paper":
        return paper_account(home, int(profile.get("port", PAPER_PORT)), name)
    urls = _urls(name, kind, profile)
    key, secret, trouble = _keys(name, profile)
    return Account(
        name, kind, urls["rest_url"], urls["stream_url"], home, key, secret, None, urls["rest_url_alternate"],
        urls["ws_api_url"], trouble,
    )  # fmt: skip


_LIVE_URLS = {"rest_url": LIVE_REST, "stream_url": LIVE_STREAM, "ws_api_url": LIVE_WS_API}
_SCHEMES = {
    "rest_url": "https://", "rest_url_alternate": "https://", "stream_url": "wss://", "ws_api_url": "wss://",
}  # fmt: skip


def _urls(name: str, kind: str, profile: dict[str, Any]) -> dict[str, str]:
    known = _LIVE_URLS if kind == "live" else {}
    urls = {what: str(profile.get(what, known.get(what, ""))) for what in _SCHEMES}
    for what in ("rest_url", "stream_url"):
        if not urls[what]:
            raise ConfigurationError(
                f"accounts.toml [{name}]: {what} is missing", "a demo account names both rest_url and stream_url"
            )
    for what, scheme in _SCHEMES.items():
        _check_url(f"accounts.toml [{name}]: {what}", urls[what], scheme)
    if urls["rest_url_alternate"].rstrip("/") == urls["rest_url"].rstrip("/"):
        raise ConfigurationError(
            f"accounts.toml [{name}]: rest_url_alternate is rest_url", "name another host, or leave it out"
        )
    return urls


def _check_url(what: str, url: str, scheme: str) -> None:
    """Raises ConfigurationError for what would carry keys in the clear, except to this machine. "" passes: none."""
    plain = scheme.replace("s://", "://")
    if url and not (url.startswith(scheme) or (url.startswith(plain) and _is_here(url))):
        raise ConfigurationError(f"{what} {url!r} does not begin with {scheme}", "see docs/configuration.md")


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False


def _keys(name: str, profile: dict[str, Any]) -> tuple[str, str, ConfigurationError | None]:
    try:
        return _secret(name, profile, "api_key"), _secret(name, profile, "api_secret"), None
    except ConfigurationError as error:
        return "", "", error


def _secret(name: str, profile: dict[str, Any], what: str) -> str:
    """A key from `<what>_file`, else from the variable `<what>_env` names (default BINANCE_API_KEY / _SECRET)."""
    path = profile.get(f"{what}_file")
    if path:
        return _secret_file(name, what, Path(path).expanduser())
    variable = profile.get(f"{what}_env", f"BINANCE_{what.upper()}")
    value = os.environ.get(variable, "")
    file_named = os.environ.get(f"{variable}_FILE")
    if not value and file_named:
        return _secret_file(name, what, Path(file_named))
    if not value:
        raise ConfigurationError(
            f"account {name}: no {what}", f"set {variable}, {variable}_FILE, or {what}_file in accounts.toml"
        )
    return value


def _secret_file(name: str, what: str, path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"account {name}: {path} can be read by others", f"chmod 600 {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigurationError(f"account {name}: {what}_file {path}: {why}", "name a readable file") from None
