"""Traces that a test writes itself, row by row, and a scenario that their jobs suit."""

import gzip
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.envs.scenario import Scenario
from tidegate.envs.scenario import load as load_scenario
from tidegate.envs.traces.read import read
from tidegate.fastsim.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

HEADER: str = "job_id,submit_s,gpus,runtime_s,requested_s,user,kind,status"
ROWS = (
    ("a", "60", "8", "3600", "7200", "ann", "Pretrain", "COMPLETED"),
    ("b", "10.5", "1", "30.25", "", "bob", "Eval", ""),
    ("c", "60", "0.5", "0.001", "60", "ann", "", ""),
    ("d", "70", "2.25", "99", "", "", "Eval", "FAILED"),
)
SMALL = ("evaluation", "prototyping", "research", "sft", "variants", "pretraining")


def text_of(rows: Sequence[tuple[str, ...]], header: str = HEADER) -> str:
    return "".join(f"{line}\n" for line in (header, *(",".join(row) for row in rows)))


def written(path: Path, content: str | bytes) -> Path:
    binary = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(binary) if path.suffix == ".gz" else binary)
    return path


def swf_line(job: object, submit: object, run: object, asked: object, **other: object) -> str:
    row = dict.fromkeys(range(1, 19), -1) | {1: job, 2: submit, 4: run, 5: other.get("allocated", -1), 8: asked}
    row |= {9: other.get("requested", -1), 12: other.get("user", -1), 15: other.get("queue", -1)}
    return " ".join(str(value) for value in row.values()) + "\n"


def parquet_file(
    path: Path, rows: Sequence[tuple[object, ...]], names: str = "job_id,submit_s,gpus,runtime_s,requested_s"
) -> Path:
    columns = {
        name: pyarrow.array(column) for name, column in zip(names.split(","), zip(*rows, strict=True), strict=True)
    }
    parquet.write_table(pyarrow.table(columns), path)
    return path


def refused(path: Path, max_bad_rows: int = 0) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, max_bad_rows)
    return caught.value


def scenario(accelerators: int = 256, names: tuple[str, ...] = SMALL, speed: str = "1") -> Scenario:
    """One that comes with Tidegate, with another capacity and other classes, of priorities 0, 1, 2 …"""
    base = load_scenario("mid_lab")
    committed = base.sites[0].model_copy(update={"capacity": accelerators, "speed": Decimal(speed)})
    classes = [
        base.classes[0].model_copy(update={"name": name, "priority": rank % 8}) for rank, name in enumerate(names)
    ]
    return base.model_copy(update={"sites": (committed, *base.sites[1:]), "classes": tuple(classes)})
