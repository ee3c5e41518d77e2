"""Every defect of a row is found and named by file, row, column and reason, and nothing else is rejected."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.envs.traces import fields
from tidegate.envs.traces.read import read
from tidegate.envs.traces.rejects import write_rejects
from tidegate.fastsim.errors import InputError

from .toy_traces import HEADER, ROWS, parquet_file, refused, swf_line, text_of, written

BAD_VALUES = [
    ("submit_s", "-1", "is negative"),
    ("submit_s", "", "is missing"),
    ("submit_s", "nan", "is not finite"),
    ("submit_s", "-inf", "is not finite"),
    ("submit_s", "1_000", "is not a number"),
    ("submit_s", "１２", "is not a number"),
    ("submit_s", "0x10", "is not a number"),
    ("submit_s", "12h", "is not a number"),
    ("submit_s", "1e999", "is above 2199023255 seconds"),
    ("submit_s", "9" * 41, "is longer than 40 characters"),
    ("gpus", "0", "is below 1"),
    ("gpus", "-4", "is below 1"),
    ("gpus", "16777217", "is above 16777216"),
    ("gpus", "Infinity", "is not finite"),
    ("gpus", "eight", "is not a number"),
    ("runtime_s", "0", "is not above 0"),
    ("runtime_s", "-5", "is not above 0"),
    ("runtime_s", "0.0001", "is less than a millisecond"),
    ("runtime_s", "157680001", "is above 157680000 seconds"),
    ("runtime_s", "1 000", "is not a number"),
    ("requested_s", "0", "is not above 0"),
    ("requested_s", "-1", "is not above 0"),
    ("requested_s", "NaN", "is not finite"),
    ("user", "a\tb", "holds a character that is not printable UTF-8"),
    ("kind", "k" * 201, "is longer than 200 characters"),
    ("job_id", "", "is missing"),
    ("job_id", "a", "is the id of an earlier row"),
]


@pytest.mark.parametrize(("field", "value", "reason"), BAD_VALUES)
def test_a_bad_value_in_csv_is_named_by_line_and_column(tmp_path: Path, field: str, value: str, reason: str) -> None:
    column = HEADER.split(",").index(field)
    row = list(ROWS[3])
    row[column] = value
    path = written(tmp_path / "t.csv", text_of([*ROWS[:3], tuple(row)]))
    error = refused(path)
    assert (error.where, error.what, error.reason) == (f"{path}:5:{column + 1}", field, reason)
    assert error.value == fields.shown(value) and error.remedy


@pytest.mark.parametrize(
    ("line", "column", "field"),
    [
        ("x,1,1", 4, "runtime_s"),
        ("x,1,1,1,1,u,k,s,more", 9, "row"),
        ('x,1,1,1,1,"u,k,s', 1, "row"),
        ('x,1,1,1,1,"u"u,k,s', 1, "row"),
        ("x,1,1,1,1,\udcff,k,s", 6, "user"),
        ("x,1,1,1,1,u\x00,k,s", 6, "user"),
    ],
)
def test_a_misshapen_row_is_named_and_does_not_spoil_the_next(
    tmp_path: Path, line: str, column: int, field: str
) -> None:
    content = f"{HEADER}\n{line}\n".encode("utf-8", "surrogateescape") + text_of(ROWS, "").encode()
    path = written(tmp_path / "t.csv", content)
    error = refused(path)
    assert (error.where, error.what) == (f"{path}:2:{column}", field)
    assert len(read(path, max_bad_rows=1)) == len(ROWS)


@pytest.mark.parametrize(
    ("line", "column", "field", "reason"),
    [
        (swf_line(9, 0, -1, 4), 4, "run_time", "is unknown"),
        (swf_line(9, 0, 0, 4), 4, "run_time", "is not above 0"),
        (swf_line(9, 0, 5, -1), 5, "allocated_processors", "is unknown"),
        (swf_line(9, 0, 5, 0), 8, "requested_processors", "is below 1"),
        (swf_line(9, -1, 5, 4), 2, "submit", "is negative"),
        (swf_line(9, "x", 5, 4), 2, "submit", "is not a number"),
        (swf_line(9, 0, 5, 4, requested=0), 9, "requested_time", "is not above 0"),
        (swf_line(1, 0, 5, 4), 1, "job", "is the id of an earlier row"),
        ("9 0 -1 5\n", 5, "row", "is not the 18 columns of the format"),
        (swf_line(9, 0, 5, 4)[:-1] + " 7\n", 19, "row", "is not the 18 columns of the format"),
    ],
)
def test_a_bad_line_of_a_workload_log_is_named(tmp_path: Path, line: str, column: int, field: str, reason: str) -> None:
    path = written(tmp_path / "t.swf", "; comment\n" + swf_line(1, 0, 5, 4) + line)
    error = refused(path)
    assert (error.where, error.what, error.reason) == (f"{path}:3:{column}", field, reason)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (1, None, "is missing"),
        (1, "x" * 201, "is longer than 200 characters"),
        (1, "a", "is the id of an earlier row"),
        (2, -0.5, "is negative"),
        (2, None, "is missing"),
        (2, float("nan"), "is not finite"),
        (2, 1e300, "is above 2199023255 seconds"),
        (3, 0.0, "is below 1"),
        (3, 2.0**24 + 1, "is above 16777216"),
        (3, float("inf"), "is not finite"),
        (4, 0.0, "is not above 0"),
        (4, 0.0004, "is less than a millisecond"),
        (4, 1e9, "is above 157680000 seconds"),
        (5, -1.0, "is not above 0"),
        (5, float("nan"), "is not finite"),
    ],
)
def test_a_bad_value_in_parquet_is_named_by_row_and_column(
    tmp_path: Path, column: int, value: object, reason: str
) -> None:
    row: list[object] = ["c", 2.0, 1.0, 1.0, None]
    row[column - 1] = value
    path = parquet_file(tmp_path / "t.parquet", [("a", 0.0, 0.5, 1.0, 5.0), ("b", 1.0, 1.0, 1.0, None), tuple(row)])
    error = refused(path)
    name = ("job_id", "submit_s", "gpus", "runtime_s", "requested_s")[column - 1]
    assert (error.where, error.what, error.reason) == (f"{path}:3:{column}", name, reason)


numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 0.01),
    st.sampled_from([0.0, -0.0, 1.0, 0.0005, 0.00050000001, 2.0**24, fields.LONGEST / 1000, fields.LATEST / 1000]),
    st.integers(-2, 100).map(float),
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(numbers, numbers, numbers, st.none() | numbers), min_size=1, max_size=12))
def test_parquet_columns_are_judged_by_the_law_of_single_fields(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    laws = (fields.submit, fields.gang, fields.duration, fields.duration)

    def lawful(row: tuple) -> list[int] | None:
        try:
            return [-1 if value is None else law("field", value) for law, value in zip(laws, row, strict=True)]
        except fields.FieldError:
            return None

    expected = sorted((row for row in map(lawful, rows) if row is not None), key=lambda row: row[0])
    path = parquet_file(tmp_path_factory.mktemp("law") / "t.parquet", rows, "submit_s,gpus,runtime_s,requested_s")
    if not expected:
        assert "jobs" in str(refused(path, max_bad_rows=len(rows)))
        return
    trace = read(path, max_bad_rows=len(rows))
    found = [trace.submit_ms + expected[0][0], trace.gang, trace.walltime_ms, trace.requested_ms]
    assert np.array_equal(np.array(expected).T, np.array(found))
    assert trace.rows_read == len(rows)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".swf"])
def test_planted_defects_are_all_found_and_nothing_else(tmp_path: Path, ending: str) -> None:
    for seed in range(15):
        draws = random.Random(seed)
        rows = [[job, 3 * job, 1 + job % 4, 10.0] for job in range(1, 60)]
        planted = sorted(draws.sample(range(1, 59), draws.randrange(1, 8)))
        for place in planted:
            column, bad = draws.choice([(0, 1), (1, -3), (2, -2), (3, -10.0)])
            rows[place][column] = bad
        path = tmp_path / f"{seed}{ending}"
        if ending == ".parquet":
            parquet_file(path, [tuple(row) for row in rows], "job_id,submit_s,gpus,runtime_s")
        elif ending == ".csv":
            written(path, text_of([tuple(map(str, row)) for row in rows], "job_id,submit_s,gpus,runtime_s"))
        else:
            written(path, "; log\n" + "".join(swf_line(job, submit, run, gang) for job, submit, gang, run in rows))
        first = 1 if ending == ".parquet" else 2
        rejects: list[InputError] = []
        trace = read(path, max_bad_rows=len(planted), rejects=rejects)
        assert [int(error.where.split(":")[-2]) for error in trace.rejected] == [place + first for place in planted]
        assert tuple(rejects) == trace.rejected and trace.rows_read == len(trace) + len(planted) == len(rows)
        with pytest.raises(InputError) as caught:
            read(path, max_bad_rows=len(planted) - 1, rejects=rejects)
        # The list goes on where the first reading left it.
        assert len(rejects) == 2 * len(planted) and caught.value.where == rejects[-1].where


def test_rejected_rows_are_listed_in_a_file_that_is_never_half_written(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.csv",
        text_of([*ROWS, ("e", "1", "0", "1", "", "\udc80", "", "")]).encode("utf-8", "surrogateescape"),
    )
    trace = read(path, max_bad_rows=1)
    write_rejects(tmp_path / "rejects.txt", trace.rejected)
    assert (tmp_path / "rejects.txt").read_text().splitlines() == [str(error) for error in trace.rejected]
    with pytest.raises(InputError, match="cannot be written"):
        write_rejects(tmp_path / "none" / "rejects.txt", trace.rejected)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_rejects(tmp_path / "folder", trace.rejected)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "rejects.txt", "t.csv"]
