"""Evidence folders: the files that prove an outcome, and a manifest that proves the files."""

import shutil
from hashlib import file_digest, sha256
from pathlib import Path

import orjson

from canary_cli.journal.files import replace_file

MANIFEST = "manifest.json"


class EvidenceFolder:
    """A folder of evidence. Its name is its id; writing the same name again replaces it, so a step may be repeated."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> "EvidenceFolder":
        """Make the folder, or go on with one that a step cut short has left."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @property
    def id(self) -> str:
        return self.path.name

    def write(self, name: str, content: bytes | str) -> str:
        """Write one file and return its sha256. `name` is a plain file name."""
        content = content.encode() if isinstance(content, str) else content
        replace_file(self._inside(name), content)
        return sha256(content).hexdigest()

    def copy(self, path: Path) -> str:
        """Copy one file in, under its own name, and return its sha256."""
        target = self._inside(path.name)
        shutil.copy2(path, target)
        return _sha256(target)

    def finish(self) -> Path:
        """Write `manifest.json` with the sha256 and size of every file, and return its path."""
        files = sorted(path for path in self.path.iterdir() if path.is_file() and not path.name.startswith("."))
        listed = {path.name: _facts(path) for path in files if path.name != MANIFEST}
        document = {"schema_version": 1, "id": self.id, "files": listed}
        replace_file(self.path / MANIFEST, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        return self.path / MANIFEST

    def _inside(self, name: str) -> Path:
        if not name or name != Path(name).name or name.startswith(".") or name == MANIFEST:
            raise ValueError(f"{name!r} is no name for a file of evidence")
        return self.path / name


def _facts(path: Path) -> dict[str, str | int]:
    return {"sha256": _sha256(path), "bytes": path.stat().st_size}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
