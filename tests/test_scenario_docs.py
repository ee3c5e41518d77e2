"""docs/scenarios.md is what docs/scenarios.py writes, and says where every figure comes from."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from tidegate.envs.scenario import FOLDER, names

DOCS = Path(__file__).resolve().parent.parent / "docs"
PLAIN = {"cube_from"}  # keys that another one explains


@pytest.fixture
def written_by(monkeypatch) -> Any:
    """Import one of the programs of docs/ by its name."""
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module


def test_the_page_is_the_one_that_is_generated(written_by):
    page = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    assert page == written_by("scenarios").page(), "run: python docs/scenarios.py --write"


def test_every_field_of_the_schema_is_explained_once(written_by):
    vocabulary = written_by("vocabulary")
    assert vocabulary.stale() == set()
    for part in vocabulary.parts():
        for name in part.model_fields:
            assert vocabulary.meaning(part, name) and vocabulary.unit(part, name)


@pytest.mark.parametrize("name", names())
def test_every_figure_names_its_source_or_says_assumption(name, written_by):
    found = written_by("parameters").parameters(FOLDER / f"{name}.toml")
    assert found
    for one in found:
        if re.match(r"[^\"]*\d", one.value) and one.place.rpartition(".")[2] not in PLAIN:
            assert len(one.source) > 5, one


def test_every_parameter_of_a_file_is_in_its_table(written_by, tmp_path):
    file = tmp_path / "mine.toml"
    text = (
        "# Time 0 is a Monday.\n",
        'name = "mine"\n',
        'title = "a # b = 3"\n',
        'description = """\nx = 1\n"""\n\n',
        "[rules]\npass_size = 3  # assumption\n\n",
        '[[sites]]\nname = "one"\ntranches = [  # monthly\n    { at_day = 1, accelerators = 2 },  # first\n]\n\n',
        '[[pipelines]]\nname = "model"\n\n[[pipelines.stages]]\nname = "sft"\njob_class = "sft"  # "x" # y\n\n',
        '[[pipelines]]\nname = "other"\nshare = 1  # assumption\n',
    )
    file.write_text("".join(text), encoding="utf-8")
    assert [tuple(one) for one in written_by("parameters").parameters(file)] == [
        ("rules.pass_size", "3", "assumption"),
        ("sites.one.tranches", "[ { at_day = 1, accelerators = 2 }, ]", "monthly; first"),
        ("pipelines.model.stages.sft.job_class", '"sft"', '"x" # y'),
        ("pipelines.other.share", "1", "assumption"),
    ]
