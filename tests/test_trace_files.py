"""A file that holds no trace is refused with a remedy and at little cost: absent, of another shape, a bomb, damaged."""

import gzip
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.envs.traces import files
from tidegate.envs.traces.read import READERS, read
from tidegate.envs.traces.table import Trace
from tidegate.fastsim.errors import InputError

from .toy_traces import HEADER, ROWS, parquet, parquet_file, pyarrow, refused, swf_line, text_of, written


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.swf", "t.swf.gz"])
def test_an_unusable_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert "does not exist" in refused(path).reason
    path.write_bytes(b"")
    assert "is empty" in refused(path).reason
    path.unlink()
    path.mkdir()
    assert "not a regular file" in refused(path).reason
    path.rmdir()
    os.mkfifo(path)
    assert "not a regular file" in refused(path).reason


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_forbidden_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", text_of(ROWS))
    path.chmod(0)
    assert "cannot be opened" in refused(path).reason


def test_a_file_that_the_system_forbids_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "t.csv", text_of(ROWS))

    def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    assert refused(path).reason == "cannot be opened (Permission denied)"


def test_an_unknown_ending_names_the_choices(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "t.json", "[]"))
    assert all(ending in error.remedy for ending in READERS)
    assert str(error) == f"{error.where}: trace, t.json, has an unknown ending, {error.remedy}"


@pytest.mark.parametrize(
    "header", ["", "\n", "job_id,gpus,runtime_s\n", "submit_s;gpus;runtime_s\n", '"submit_s,gpus,runtime_s\n']
)
def test_a_csv_header_without_a_required_column_is_refused(tmp_path: Path, header: str) -> None:
    path = written(tmp_path / "t.csv", header + "1,2,3\n")
    error = refused(path, max_bad_rows=9)
    assert error.where == f"{path}:1:1" and error.what in ("column", "header")
    if error.what == "column":
        assert "submit_s, gpus, runtime_s" in error.remedy


def test_columns_that_stand_twice_and_files_without_jobs_are_refused(tmp_path: Path) -> None:
    assert "twice" in refused(written(tmp_path / "t.csv", "gpus,submit_s,gpus,runtime_s\n")).reason
    assert refused(written(tmp_path / "u.csv", HEADER)).what == "jobs"
    assert refused(written(tmp_path / "t.swf", "; nothing\n")).what == "jobs"
    assert refused(written(tmp_path / "v.csv", text_of([("a",) * 8])), max_bad_rows=1).what == "jobs"
    with pytest.raises(InputError, match="negative"):
        read(written(tmp_path / "w.csv", text_of(ROWS)), max_bad_rows=-1)


def test_a_parquet_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    assert "not a Parquet file" in refused(written(tmp_path / "a.parquet", text_of(ROWS))).reason
    other = parquet_file(tmp_path / "b.parquet", [("x", 1, 2.0)], "cat,t_s,req_per_s")
    assert refused(other).what == "column" and "submit_s" in refused(other).remedy
    text = parquet_file(tmp_path / "c.parquet", [("1", 1, 2.0)], "submit_s,gpus,runtime_s")
    assert "has the type" in refused(text).reason
    assert (
        "has the type"
        in refused(parquet_file(tmp_path / "d.parquet", [(True, 1, 2.0)], "submit_s,gpus,runtime_s")).reason
    )


def test_without_pyarrow_the_remedy_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet_file(tmp_path / "t.parquet", [(1, 1, 1)], "submit_s,gpus,runtime_s")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused(path).remedy == "pip install 'tidegate[train]'"


def test_a_long_line_is_refused_where_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", text_of(ROWS) + "9" * files.LONGEST_LINE + "\n")
    assert (refused(path).where, refused(path).what) == (f"{path}:6:1", "line")


@pytest.mark.parametrize("filling", [b"\0", b"\n", b"1,1,1,1\n"])
def test_a_bomb_is_cheap_to_refuse(tmp_path: Path, filling: bytes) -> None:
    member = gzip.compress(filling * ((16 << 20) // len(filling)))
    path = tmp_path / "t.csv.gz"
    path.write_bytes(member * 64)  # a gzip file may have many members; this one holds a gibibyte
    assert path.stat().st_size < 3 << 20
    began = time.process_time()
    assert "holds more than" in refused(path).reason
    assert time.process_time() - began < 1


def test_a_parquet_bomb_is_refused_by_its_footer(tmp_path: Path) -> None:
    ones = pyarrow.array(np.ones(files.MOST_ROWS + 1, dtype=np.int8))
    parquet.write_table(pyarrow.table({"submit_s": ones, "gpus": ones, "runtime_s": ones}), tmp_path / "t.parquet")
    error = refused(tmp_path / "t.parquet")
    assert (error.what, error.value) == ("rows", files.MOST_ROWS + 1)


def mutated(good: bytes, draws: random.Random) -> bytes:
    """A file after a few accidents: bytes overwritten, flipped, lost, inserted or moved."""
    binary = bytearray(good)
    for _ in range(draws.choice([1, 1, 2, 4, 16])):
        place = draws.randrange(len(binary) + 1)
        accident = draws.randrange(4)
        if accident == 0 and place < len(binary):
            binary[place] ^= 1 << draws.randrange(8)
        elif accident == 1:
            del binary[place : place + draws.choice([1, 2, 30])]
        elif accident == 2:
            binary[place:place] = draws.choice(
                [b'"', b",", b"\n", b"\r", b"-", b"\x00", b"\xff", b"1_0", b"nan", b"1e400"]
            )
        else:
            start = draws.randrange(len(binary) + 1)
            binary[place:place] = binary[start : start + draws.randrange(40)]
    return bytes(binary)


def read_or_refused(path: Path, max_bad_rows: int) -> Trace | InputError:
    try:
        return read(path, max_bad_rows)
    except InputError as error:
        return error


@pytest.mark.parametrize("ending", [".csv", ".swf", ".csv.gz", ".parquet"])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    rows = [(job, 7 * job % 50, 1 + job % 5, 10 + job, 100 * job if job % 3 else None) for job in range(1, 20)]
    if ending == ".parquet":
        parquet_file(path, rows)
    elif ending == ".swf":
        written(path, "; MaxProcs: 64\n" + "".join(swf_line(*row[:2], row[3], row[2]) for row in rows))
    else:
        written(path, text_of(ROWS))
    good = path.read_bytes()
    for seed in range(400):
        path.write_bytes(mutated(good, random.Random(seed)))
        outcome = read_or_refused(path, seed % 4)
        if isinstance(outcome, InputError):
            assert len(str(outcome).splitlines()) == 1 and len(str(outcome)) < 1000, seed
        else:
            assert outcome.walltime_ms.min() >= 1 and outcome.gang.min() >= 1 and outcome.submit_ms[0] == 0, seed


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=300), ending=st.sampled_from(sorted(READERS)))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read(path)
