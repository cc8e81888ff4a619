"""
Where the suites come from: released packages of the index, unpacked below var/peers. None of it is committed.
"""

import importlib.util
import os
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "peers"


class NotHere(RuntimeError):
    """
    The tests cannot be had on this machine; the message says what to do about it.
    """


@dataclass(frozen=True)
class SourceRelease:
    """The source distribution of the version that is installed, for a package that ships its tests in it."""

    package: str

    @property
    def label(self) -> str:
        return f"{self.package} {version(self.package)}"

    def folder(self) -> Path:
        folder = FOLDER / f"{self.package}-{version(self.package)}".lower()
        if not folder.exists():
            _unpack(self._download(), folder)
        return folder

    def _download(self) -> Path:
        downloads = FOLDER / "downloads" / self.package
        pinned = f"{self.package}=={version(self.package)}"
        options = ["--no-deps", "--no-binary", self.package, "--dest", str(downloads)]
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options, pinned]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHere(f"pip cannot download {pinned}: {done.stderr.strip().splitlines()[-1]}")
        return next(downloads.glob("*.tar.gz"))


@dataclass(frozen=True)
class InstalledRelease:
    """A package whose wheel ships its tests."""

    package: str

    @property
    def label(self) -> str:
        return f"{self.package} {version(self.package)}"

    def folder(self) -> Path:
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            raise NotHere(f"{self.package} is not installed: see requirements-peers.txt")
        return Path(found.origin).parent


@dataclass(frozen=True)
class Checkout:
    """
    A project whose releases ship no tests: somebody's clone of its repository, which a variable names.

    `description` is the file of the clone that has the version.
    """

    project: str
    variable: str
    description: str

    @property
    def label(self) -> str:
        try:
            found = tomllib.loads((self.folder() / self.description).read_text())
        except NotHere:
            return self.project
        return f"{self.project} {found['project']['version']}, a clone"

    def folder(self) -> Path:
        named = os.environ.get(self.variable)
        if not named:
            raise NotHere(f"its releases ship no tests: set {self.variable} to a clone of its repository")
        if not (folder := Path(named).resolve()).is_dir():
            raise NotHere(f"{self.variable}={named} is not a folder")
        return folder


def _unpack(archive: Path, folder: Path) -> None:
    # Into a draft that takes its place when it is whole.
    draft = folder.with_name(f"{folder.name}.draft")
    with tarfile.open(archive) as members:
        members.extractall(draft, filter="data")
    (top,) = draft.iterdir()
    top.rename(folder)
    draft.rmdir()
