"""Jobs of a trace get a class of the scenario: by their kind, else by gang and runtime, else the nearest."""

from pathlib import Path

import pytest

from tidegate.envs.traces.classes import BY_SIZE, KINDS, LINE, classify
from tidegate.envs.traces.read import READERS, read
from tidegate.fastsim.errors import InputError

from .toy_traces import scenario, text_of, written

REPOSITORY = Path(__file__).parents[1]


def classes_of(tmp_path: Path, rows: list[tuple[int, int, str]], names: tuple[str, ...] = LINE) -> list[str]:
    header = "submit_s,gpus,runtime_s,kind"
    trace = read(
        written(tmp_path / "t.csv", text_of([("0", str(gang), str(run), kind) for gang, run, kind in rows], header))
    )
    return [names[index] for index in classify(trace, scenario(names=names))]


def test_a_known_kind_decides_the_class_in_any_case(tmp_path: Path) -> None:
    for kind, name in KINDS.items():
        assert classes_of(tmp_path, [(1, 1, kind.upper())]) == [name]


def test_without_a_known_kind_gang_and_runtime_decide(tmp_path: Path) -> None:
    # 20 jobs a gang size; runtimes 1 … 60: below 31 is short, from 55 on is long.
    gangs = {0: 1, 1: 8, 2: 128}
    rows = [(gangs[run % 3], run, "tensorflow") for run in range(1, 61)]
    for (gang, run, _), name in zip(rows, classes_of(tmp_path, rows), strict=True):
        size, length = list(gangs.values()).index(gang), 0 if run < 31 else 2 if run >= 55 else 1
        assert name == BY_SIZE[size][length]


def test_a_class_that_the_scenario_lacks_is_replaced_by_the_nearest(tmp_path: Path) -> None:
    rows = [(1, 1, kind) for kind in ("pretrain", "eval", "debug", "rlhf", "Serving")]
    assert classes_of(tmp_path, rows, ("sft", "research", "serving")) == [
        "sft",
        "research",
        "research",
        "sft",
        "serving",
    ]
    assert classes_of(tmp_path, rows, ("anything",)) == ["anything"] * 5
    with pytest.raises(InputError, match="name one of evaluation"):
        classes_of(tmp_path, rows, ("one", "two"))


def test_the_documentation_names_every_kind_class_and_ending() -> None:
    text = (REPOSITORY / "docs" / "traces.md").read_text(encoding="utf-8")
    for word in (*READERS, *LINE, *KINDS, *(name for row in BY_SIZE for name in row)):
        assert f"`{word}`" in text, word
