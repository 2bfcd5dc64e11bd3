"""Every snippet of the paper exchange's page runs, against an exchange that listens where the page says."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_cli.paper.scenario import load
from tests.docs.commands import ROOT

PAGE = (ROOT / "docs" / "paper-exchange.md").read_text(encoding="utf-8")
PORT = "8899"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, "-m", "canary_cli", "paper", "serve", "--port", "0", "--json", "--idle-after", "120"]
    environment = {**os.environ, "CANARY_HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["port"])
        process.terminate()
        process.wait(20)


def test_no_block_is_of_a_language_that_nobody_runs() -> None:
    assert set(re.findall(r"^```(\w*)\n(?=.)", PAGE, re.MULTILINE)) == {"bash", "python", "toml"}


@pytest.mark.parametrize("script", blocks("python"), ids=["python-binance", "ccxt", "sdk", "in process"])
def test_a_script_does_what_it_says(port: str, script: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-c", script.replace(PORT, port)],
        capture_output=True, text=True, check=False, timeout=120, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("ordered ")
    assert len(ran.stdout.split()) >= 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", [line for block in blocks("bash") for line in block.splitlines() if "curl" in line])
def test_the_admin_door_answers_as_typed(port: str, line: str) -> None:
    words = shlex.split(line.replace(PORT, port), comments=True)
    told = subprocess.run([*words, "--noproxy", "*"], capture_output=True, text=True, check=True, timeout=60)
    assert "error" not in json.loads(told.stdout)


@pytest.mark.parametrize("story", blocks("toml"))
def test_the_scenario_can_be_loaded(tmp_path: Path, story: str) -> None:
    path = tmp_path / "story.toml"
    path.write_text(story, encoding="utf-8")
    loaded = load(str(path))
    assert (len(loaded.faults), len(loaded.prices)) == (1, 1)
