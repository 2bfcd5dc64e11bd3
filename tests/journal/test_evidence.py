"""An evidence folder proves its files."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from canary_cli.journal.evidence import EvidenceFolder


def test_the_manifest_holds_the_hash_and_size_of_every_file(tmp_path: Path):
    log = tmp_path / "execution.log"
    log.write_text("line\n")
    folder = EvidenceFolder.create(tmp_path / "CB-2026-0222-001")
    assert folder.write("pnl.json", '{"net": "-124.32"}') == sha256(b'{"net": "-124.32"}').hexdigest()
    assert folder.copy(log) == sha256(b"line\n").hexdigest()
    manifest = json.loads(folder.finish().read_text())
    assert manifest["id"] == "CB-2026-0222-001"
    assert manifest["files"]["execution.log"] == {"sha256": sha256(b"line\n").hexdigest(), "bytes": 5}
    assert set(manifest["files"]) == {"execution.log", "pnl.json"}


def test_a_repeated_step_goes_on_with_the_same_folder(tmp_path: Path):
    for text in ("first", "second"):
        folder = EvidenceFolder.create(tmp_path / "id")
        folder.write("note.txt", text)
        manifest = json.loads(folder.finish().read_text())
    assert list(manifest["files"]) == ["note.txt"]
    assert manifest["files"]["note.txt"]["bytes"] == 6


@pytest.mark.parametrize("name", ["../up.txt", "a/b", ".hidden", "manifest.json", ""])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="no name"):
        EvidenceFolder.create(tmp_path / "id").write(name, "x")
