"""The house is in order: what the layout, the packaging and the docs promise about themselves."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("agents", "envs", "fastsim", "trained")
AROUND = ("tests", "benchmarks")
MADE = {"__pycache__", "build", "dist", "runs"}  # by the tools; .gitignore names them too
MACHINE_PATH = re.compile(r"(?<![\w.~<>}/-])/(?:work|home|root|Users|opt|mnt)/\w")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def files(pattern: str = "*") -> Iterator[Path]:
    """Files of the repository whose name matches, without what tools made."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            n for n in subfolders if n not in MADE and (n == ".ci" or not n.startswith((".", "tidegate.")))
        ]
        yield from (path for name in sorted(names) if (path := Path(folder, name)).match(pattern))


def is_below(path: Path, floors: tuple[str, ...]) -> bool:
    """The file lies in one of these top folders."""
    return path.relative_to(ROOT).parts[0] in floors


def absolute_imports(source: Path) -> Iterator[str]:
    """First name of every absolute import of a source file."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def offenders(sources: Iterator[Path], forbidden: set[str]) -> list[str]:
    """`file: name` of every forbidden absolute import."""
    return [f"{s.relative_to(ROOT)}: {name}" for s in sources for name in absolute_imports(s) if name in forbidden]


def package_folders() -> set[Path]:
    """Folders of the package, relative to the root, which is `.`."""
    return {p.parent.relative_to(ROOT) for p in files("*.py") if p.parent == ROOT or is_below(p, FLOORS)}


def test_an_init_file_holds_a_docstring_and_nothing_else() -> None:
    for init in files("__init__.py"):
        module = ast.parse(init.read_text(encoding="utf-8"))
        assert len(module.body) == 1, f"{init} holds more than a docstring, or none"
        assert ast.get_docstring(module), f"{init} has no docstring"


def test_the_root_holds_no_python_file_but_its_init() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_the_package_imports_itself_relatively() -> None:
    inside = (path for path in files("*.py") if is_below(path, FLOORS))
    assert offenders(inside, {"tidegate", *FLOORS, *AROUND, "reference"}) == []


def test_tests_and_benchmarks_import_the_package_by_its_name() -> None:
    around = (path for path in files("*.py") if is_below(path, AROUND))
    assert offenders(around, set(FLOORS)) == []


def test_every_package_folder_has_an_init_file_and_is_listed() -> None:
    folders = package_folders()
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []
    assert (
        sorted(".".join(("tidegate", *folder.parts)) for folder in folders) == PROJECT["tool"]["setuptools"]["packages"]
    )


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{row}: {line.strip()}"
            for row, line in enumerate(lines, 1)
            if MACHINE_PATH.search(line)
        ]
    assert found == []


def test_the_changelog_has_an_entry_for_this_version() -> None:
    version = re.escape(PROJECT["project"]["version"])
    assert re.search(rf"^## \[{version}\] - \S+", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    names = {re.split(r"[\[<>=~ ]", entry)[0].lower().replace("_", "-") for entry in wanted} - {"tidegate"}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert names - pinned == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel, built without network from a copy, so that nothing is left in the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "clone"
    for path in files():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(copy)], check=True, timeout=120)
    (archive,) = folder.glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def test_the_wheel_holds_every_source_every_scenario_and_the_style_of_the_page(wheel: set[str]) -> None:
    sources = [ROOT / "__init__.py", ROOT / "py.typed", *(path for path in files("*.py") if is_below(path, FLOORS))]
    scenarios = (ROOT / "envs" / "scenarios").glob("*.toml")
    page = [path for path in files("page.*") if path.suffix in (".css", ".js")]
    expected = {f"tidegate/{path.relative_to(ROOT).as_posix()}" for path in [*sources, *scenarios, *page]}
    assert len(page) == 2
    assert expected - wheel == set()


def test_the_wheel_holds_nothing_from_around_the_package(wheel: set[str]) -> None:
    assert [
        name for name in wheel if not name.startswith("tidegate-") and name.split("/")[1] in (*AROUND, "docs")
    ] == []
    assert {name for name in wheel if name.count("/") == 1 and name.startswith("tidegate/")} == {
        "tidegate/__init__.py",
        "tidegate/py.typed",
    }
