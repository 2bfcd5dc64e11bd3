"""The environment, read once: variables, then the files they name (`*_FILE`, systemd credentials), then `.env`.

Secrets are `SecretStr`: they show as stars in every print, log and error.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from canary_cli.accounts import Account
from canary_cli.errors import ConfigurationError, UsageError

_SCHEMES = ("sqlite", "mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql")


class Settings(BaseSettings):
    """Every field is a variable of the same name in capitals; `docs/configuration.md` is made from the descriptions."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    database_url: SecretStr = Field(SecretStr(""), description="the ledger; default: SQLite beside the account's latch")
    db_user: str | None = Field(None, description="user of DATABASE_URL, where that names none")
    db_pass: SecretStr | None = Field(None, description="password of DATABASE_URL, where that names none")
    slack_bot_token: SecretStr | None = Field(None, description="Slack bot token (xoxb-...)")
    slack_channel: str = Field("#crypto-alerts", description="where alerts go that name no channel")
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's API, or what stands in for it")
    pagerduty_routing_key: SecretStr | None = Field(None, description="PagerDuty Events API v2 routing key")
    pagerduty_api_url: str = Field("https://events.pagerduty.com", description="PagerDuty's API (https only)")
    prometheus_url: str | None = Field(None, description="the monitoring that preflight asks whether it is ready")
    api_token: SecretStr | None = Field(None, description="bearer token of the control API; without one it is off")
    api_host: str = Field("127.0.0.1", description="where the control API listens; it has no TLS of its own")
    api_port: int = Field(8000, ge=0, le=65535, description="port of the control API")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: SecretStr) -> SecretStr:
        fault = _fault(url.get_secret_value()) if url else ""
        if fault:
            raise ValueError(fault)
        return url

    def other_database(self, url: str) -> SecretStr:
        """A database named on the command line, credentials filled in. Refuses a password there: everybody sees it."""
        fault = _fault(url)
        if not fault and urlsplit(url).password:
            fault = "holds a password, which a command line shows to everybody: put it into DB_PASS"
        if fault:
            raise UsageError(f"the database named {fault}", "mysql://user@host/database, sqlite:////full/path/file.db")
        return SecretStr(_with_credentials(self, url))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _Files(settings_cls), dotenv_settings


def load_settings(account: Account) -> Settings:
    """The settings of an account, with `database_url` complete: its own SQLite file where none is named, and DB_USER
    and DB_PASS filled in where the URL has none. Raises ConfigurationError that names a variable, never its value.
    """
    try:
        settings = Settings(_env_file=account.home / ".env")  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise ConfigurationError(wrong, "mend the variable; see docs/configuration.md") from None
    return settings.model_copy(update={"database_url": SecretStr(_ledger_url(settings, account))})


def _ledger_url(settings: Settings, account: Account) -> str:
    url = settings.database_url.get_secret_value()
    if not url:
        return f"sqlite:///{account.state_dir / 'ledger.db'}"
    return _with_credentials(settings, url)


def _with_credentials(settings: Settings, url: str) -> str:
    """DB_USER where the URL names no user, DB_PASS where it names no password."""
    parts = urlsplit(url)
    user = parts.username or (quote(settings.db_user, safe="") if settings.db_user else "")
    if parts.scheme == "sqlite" or not user:
        return url
    given = quote(settings.db_pass.get_secret_value(), safe="") if settings.db_pass else ""
    password = parts.password or given
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{place}" if password else f"{user}@{place}"))


def _fault(url: str) -> str:
    """What is wrong with a database's URL, or nothing."""
    scheme, rest = url.partition("://")[::2]
    if scheme not in _SCHEMES:
        return "starts with none of sqlite:///, mysql://, mariadb://, mysql+pymysql://"
    if scheme == "sqlite" and not rest.startswith("//"):
        return "is a relative path; a SQLite ledger needs an absolute one: sqlite:////full/path/ledger.db"
    if scheme != "sqlite" and not urlsplit(url).path.strip("/"):
        return "names no database: mysql://host/canary"
    return ""


class _Files(PydanticBaseSettingsSource):
    """`NAME_FILE` names a file that holds the value; so does `$CREDENTIALS_DIRECTORY/NAME` (systemd LoadCredential)."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        path = _file_of(field_name.upper())
        return (_content(field_name.upper(), path) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def _file_of(name: str) -> Path | None:
    named = os.environ.get(f"{name}_FILE")
    if named:
        return Path(named).expanduser()
    credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / name
    return credential if credential.is_file() else None


def _content(name: str, path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{name}_FILE: {path} can be read by others", f"chmod 600 {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise ConfigurationError(f"{name}_FILE: {path}: {why}", "name a readable file") from None
