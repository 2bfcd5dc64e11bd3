"""`canary signals` as people and scripts meet it."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from canary_cli.app import run
from canary_cli.core.signals import SignalSettings, iterate_batch, space_out
from canary_cli.steps.klines import find_windows, read_frames
from tests.steps.test_signals import PAIR, decision_times, folder

__all__ = ["folder"]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CANARY_MARKET_DATA", raising=False)


def why(folder: Path, back: int, *more: str) -> int:
    at = decision_times(folder)[-back].isoformat()
    return run(["signals", "--pair", PAIR, "--at", at, "--market-data", str(folder), *more])


def bar_with(folder: Path, *, signal: bool) -> int:
    """How many bars from the end one lies that gave a signal, or did not."""
    settings = SignalSettings()
    window = find_windows(folder, settings.decision_frame, PAIR)[0]
    frames = read_frames(folder, window, settings.trend_frames)
    every = list(space_out(iterate_batch(PAIR, Decimal("0.1"), frames, settings), settings))
    return next(back for back in range(1, 250) if every[-back].is_signal == signal)


def test_a_refused_bar_is_explained_rule_by_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    back = bar_with(folder, signal=False)
    assert why(folder, back) == 0
    said = capsys.readouterr()
    assert "NO SIGNAL" in said.out
    assert "broken" in said.out
    for word in ("SMC", "EMA 9/21/50", "RSI", "ADX", "confidence", "SMC alignment", "cooldown", "swing high"):
        assert word in said.out
    assert "No edge was found" in said.err
    assert said.err.endswith("RESULT DONE exit=0\n")


def test_a_signal_shows_its_prices(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(folder, bar_with(folder, signal=True)) == 0
    first, verdict, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{PAIR}  15m bar closed")
    assert verdict.startswith("SIGNAL ")
    assert all(word in verdict for word in ("entry", "stop", "target", "tick"))


def test_json_is_one_document_with_money_as_strings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    back = bar_with(folder, signal=True)
    why(folder, back, "--json", "--tick", "0.5")
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["evaluation"]["symbol"] == PAIR
    assert [part["name"] for part in document["evaluation"]["components"]] == ["smc", "ema", "rsi", "adx"]
    assert float(document["signal"]["stop"]) % 0.5 == 0
    assert isinstance(document["signal"]["entry"], str)
    assert all(rule["kept"] for rule in document["rules"])


def test_a_cold_bar_has_no_figures_to_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(folder, 500) == 0
    said = capsys.readouterr().out
    assert "NO SIGNAL" in said
    assert "warmup" in said
    assert "not enough history" in said


@pytest.mark.parametrize("signal", [True, False])
def test_the_picture_is_the_same_bytes_every_time(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, signal: bool
) -> None:
    back = bar_with(folder, signal=signal)
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for picture in pictures:
        assert why(folder, back, "--plot", str(picture)) == 0
    first, second = (picture.read_text() for picture in pictures)
    assert first == second
    assert "<dc:date>" not in first
    assert ("target" in first) == signal
    assert "order block" in first


@pytest.mark.parametrize("target", ["nowhere/x.svg", "x.unknown"])
def test_a_picture_that_cannot_be_written_is_a_usage_error(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, target: str
) -> None:
    assert why(folder, 1, "--plot", str(tmp_path / target)) == 2
    assert "--plot" in capsys.readouterr().err


def test_statistics_count_every_pair_and_name_the_cold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["signals", "stats", "--market-data", str(folder)]) == 0
    said = capsys.readouterr()
    assert PAIR in said.out
    assert "1 pairs together" in said.out
    assert "target before stop" in said.out
    assert "COLDUSDT (um_15m)" in said.err
    assert "reading candles" not in said.err  # no bar where stderr is no terminal


def test_statistics_fit_80_columns_with_every_word_whole(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["signals", "stats", "--market-data", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(word in shown for word in ("um_15m", "confidence", "confluence", "alignment"))


def test_statistics_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["signals", "stats", "--market-data", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    cold, warm = document["pairs"]
    assert (cold["per_hour"], cold["confidence"]) == (None, None)
    assert warm["signals"] == sum(warm["outcomes"].values())
    assert document["per_hour"] == pytest.approx(warm["per_hour"])
    assert set(warm["refused"]) >= {"warmup", "opposed"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--pair", PAIR], 2, "--pair and --at"),
        (["--pair", PAIR, "--at", "2025-01-01T00:00Z"], 2, "--market-data is missing"),
        (["stats"], 2, "--market-data is missing"),
        (["stats", "--market-data", "/nowhere"], 2, "no folder"),
        (["parity"], 2, "--run"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_wrong_words_end_with_one_clear_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["signals", *words]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["signals", "--help"], ["--help"], ["signals", "stats", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from canary_cli.app import run; run(sys.argv[1:]);"
        "heavy = {'talib', 'numpy', 'pandas', 'matplotlib', 'pyarrow', 'rich.progress'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_values_import_without_the_indicator_library() -> None:
    script = (
        "import sys, canary_cli.core.signals as s; s.Evaluation, s.Signal, s.SignalSettings, s.parity;"
        "sys.exit('talib' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0
