"""Settings come from the nearest place that names them, and no error shows a secret."""

from pathlib import Path

import pytest

from canary_cli.accounts import paper_account
from canary_cli.errors import ConfigurationError
from canary_cli.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in Settings.model_fields:
        for variable in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def secret_file(path: Path, value: str, mode: int = 0o600) -> Path:
    path.write_text(value + "\n")
    path.chmod(mode)
    return path


def test_the_variable_beats_its_file_which_beats_dotenv(tmp_path: Path, monkeypatch):
    (tmp_path / ".env").write_text("API_TOKEN=from-dotenv\nSLACK_BOT_TOKEN=xoxb-dotenv\n")
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(secret_file(tmp_path / "slack", "xoxb-file")))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY_FILE", str(secret_file(tmp_path / "pd", "pd-file")))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "pd-variable")
    settings = load_settings(paper_account(tmp_path))
    values = (settings.api_token, settings.slack_bot_token, settings.pagerduty_routing_key)
    assert [value.get_secret_value() for value in values if value] == ["from-dotenv", "xoxb-file", "pd-variable"]


def test_systemd_credentials_are_read(tmp_path: Path, monkeypatch):
    secret_file(tmp_path / "API_TOKEN", "from-systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    token = load_settings(paper_account(tmp_path)).api_token
    assert token is not None
    assert token.get_secret_value() == "from-systemd"


def test_a_secret_file_others_can_read_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("API_TOKEN_FILE", str(secret_file(tmp_path / "token", "x", 0o644)))
    with pytest.raises(ConfigurationError, match="can be read by others"):
        load_settings(paper_account(tmp_path))


def test_a_missing_secret_file_is_one_line(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("API_TOKEN_FILE", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="No such file"):
        load_settings(paper_account(tmp_path))


@pytest.mark.parametrize(
    "url", ["postgres://u:hunter2@h/d", "hunter2", "mysql://u:hunter2@h", "sqlite:///hunter2.db", "sqlite://"]
)
def test_a_wrong_url_is_named_and_never_shown(tmp_path: Path, monkeypatch, url: str):
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(paper_account(tmp_path))
    assert refused.value.message.startswith("DATABASE_URL: ")
    assert "hunter2" not in refused.value.message + repr(refused.value.__context__)


def test_the_ledger_is_sqlite_in_the_state_folder_unless_named(tmp_path: Path):
    assert (
        load_settings(paper_account(tmp_path)).database_url.get_secret_value()
        == f"sqlite:///{tmp_path}/.canary/paper/ledger.db"
    )


def test_user_and_password_of_the_brief_fill_the_url(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://db.example:3307/canary?charset=utf8mb4")
    monkeypatch.setenv("DB_USER", "ops@home")
    monkeypatch.setenv("DB_PASS", "p/w:d")
    settings = load_settings(paper_account(tmp_path))
    url = settings.database_url.get_secret_value()
    assert url == "mysql://ops%40home:p%2Fw%3Ad@db.example:3307/canary?charset=utf8mb4"
    assert "p/w" not in repr(settings)
    monkeypatch.setenv("DATABASE_URL", "mysql://own:pw@db.example/canary")
    assert load_settings(paper_account(tmp_path)).database_url.get_secret_value() == "mysql://own:pw@db.example/canary"
