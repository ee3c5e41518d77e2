"""A copy of the project, in which mistakes are planted and checks made; the working tree stays as it is."""

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.fastsim.errors import InputError

from .mutant import Mutant

ROOT = Path(__file__).parents[2]
FOLDERS = ("agents", "envs", "fastsim", "tests", "trained")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    check: str  # the first that failed; empty: it survived
    why: str
    seconds: float

    @property
    def is_killed(self) -> bool:
        """Whether some test saw it."""
        return self.check != ""


class Sandbox:
    """The copy lies in `folder`, under the package's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "tidegate"
        self.project.mkdir()
        shutil.copy(ROOT / "__init__.py", self.project)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.project / name, ignore=shutil.ignore_patterns("__pycache__"))
            # The kernel is read from its sources each time: compiled files are told apart by whole seconds only.
            if name != "fastsim":
                compileall.compile_dir(self.project / name, quiet=2)

    def judge(self, mutant: Mutant) -> Verdict:
        """Plant a mistake, make the checks, take it out again."""
        began = time.perf_counter()
        with self._planted(mutant):
            check, why = self.first_failure()
        return Verdict(mutant, check, why, time.perf_counter() - began)

    def confirm(self, names: Sequence[str]) -> None:
        """Make sure that the kernel without mistakes passes these checks. Raises InputError when it does not."""
        check, why = self.first_failure(names) if names else ("", "")
        if check:
            reason = f"fails on the kernel as it is: {why}"
            raise InputError("tests", "check", check, reason, "mend it, then plant mistakes")

    def first_failure(self, names: Sequence[str] = ()) -> tuple[str, str]:
        """The first check that fails and why, of all or of those named; empty texts when all pass."""
        environment = {
            "TIDEGATE_SHARED": str(ROOT.parent / "shared"),
            **os.environ,
            "NUMBA_DISABLE_JIT": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(self.folder),
        }
        command = [sys.executable, "-m", "tidegate.tests.mutation.checks", *names]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return "process", (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        found = json.loads(done.stdout.splitlines()[-1])
        return found["check"], found["why"]

    @contextmanager
    def _planted(self, mutant: Mutant) -> Iterator[None]:
        path = self.project / "fastsim" / mutant.file
        source = path.read_text(encoding="utf-8")
        path.write_text(mutant.planted(source), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source, encoding="utf-8")
