"""What documents ask `make` for exists, and continuous integration runs what the first page says."""

import re
import subprocess

from tests.docs.commands import DOCUMENTS, ROOT

ASKED = re.compile(r"(?:^|`)make ((?:[a-z]+ ?)+)", re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_target_a_document_names_is_there() -> None:
    asked = {word for path in DOCUMENTS for words in ASKED.findall(path.read_text()) for word in words.split()}
    assert asked
    assert asked <= TARGETS


def test_continuous_integration_runs_the_readmes_command() -> None:
    (command,) = re.findall(r"make [a-z ]+", (ROOT / ".ci" / "run").read_text())
    assert command in (ROOT / "README.md").read_text()


def test_the_lock_names_no_index_and_hashes_everything() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = [line for line in lines if re.match(r"[A-Za-z0-9]", line)]
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not [line for line in lines if "://" in line or "index" in line.split("#")[0]]


def test_make_knows_what_to_do_without_doing_it() -> None:
    dry = subprocess.run(
        ["make", "--dry-run", "rehearse", "test", "check", "bench", "soak", "KILLS=3"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert "canary run --rehearse" in dry.stdout
    assert "KILLS=3" in dry.stdout
