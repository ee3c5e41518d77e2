"""Traces: formats read alike, every defect is named where it stands, and a wanted load is met with the rhythm kept."""

import csv
import gzip
import io
import os
import random
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.envs.scenario import Scenario
from tidegate.envs.scenario import load as load_scenario
from tidegate.envs.traces import fields, files
from tidegate.envs.traces.classes import BY_SIZE, KINDS, LINE, classify
from tidegate.envs.traces.load import fits, offered_load, to_jobs
from tidegate.envs.traces.read import READERS, read
from tidegate.envs.traces.rejects import write_rejects
from tidegate.envs.traces.scaling import MOST_JITTER, overlaid, rotated, thinned
from tidegate.envs.traces.table import Trace
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.units import DAY, MINUTE, WEEK

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

REPOSITORY = Path(__file__).parents[1]
SHARED = Path(os.environ.get("TIDEGATE_SHARED", REPOSITORY.parent / "shared"))
TRACES = (
    "acme_kalos_weeks1to6",
    "helios_venus_apr_jun",
    "helios_venus_jul",
    "philly_clean",
    "alibaba_pai_days1to45",
)
HEADER: str = "job_id,submit_s,gpus,runtime_s,requested_s,user,kind,status"
ROWS = (
    ("a", "60", "8", "3600", "7200", "ann", "Pretrain", "COMPLETED"),
    ("b", "10.5", "1", "30.25", "", "bob", "Eval", ""),
    ("c", "60", "0.5", "0.001", "60", "ann", "", ""),
    ("d", "70", "2.25", "99", "", "", "Eval", "FAILED"),
)
SMALL = ("evaluation", "prototyping", "research", "sft", "variants", "pretraining")


# ---- files written for a test


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


def facts(trace: Trace) -> list[tuple[object, ...]]:
    """A trace as rows, for comparison."""
    kinds = [trace.kinds[kind] if kind >= 0 else "" for kind in trace.kind]
    columns = (trace.job_id, trace.submit_ms, trace.gang, trace.walltime_ms, trace.requested_ms, trace.user)
    return list(zip(*(column.tolist() for column in columns), kinds, strict=True))


# ---- scenarios and traces made up for a test


def scenario(accelerators: int = 256, names: tuple[str, ...] = SMALL, speed: str = "1") -> Scenario:
    """One that comes with Tidegate, with another capacity and other classes, of priorities 0, 1, 2 …"""
    base = load_scenario("mid_lab")
    committed = base.sites[0].model_copy(update={"capacity": accelerators, "speed": Decimal(speed)})
    classes = [
        base.classes[0].model_copy(update={"name": name, "priority": rank % 8}) for rank, name in enumerate(names)
    ]
    return base.model_copy(update={"sites": (committed, *base.sites[1:]), "classes": tuple(classes)})


def made_up(tmp_path: Path, jobs: int = 4000, days: float = 30, seed: int = 1) -> Trace:
    """A trace with batches, heavy tails and a daily rhythm."""
    draws = random.Random(seed)
    rows = []
    for job in range(jobs):
        hour = min(23.9, abs(draws.gauss(14, 3)))
        submit = 0 if job == 0 else int((draws.randrange(int(days) or 1) + hour / 24) % days * 86400)
        gang = 1 << min(6, int(draws.expovariate(0.7)))
        rows.append(
            (
                str(job),
                str(submit),
                str(gang),
                str(1 + int(draws.lognormvariate(7, 2)) % 200_000),
                "",
                f"u{job % 9}",
                "",
                "",
            )
        )
    return read(written(tmp_path / "made_up.csv", text_of(rows)))


# ---- reading


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".CSV"])
def test_a_csv_trace_is_sorted_and_counts_from_its_first_submission(tmp_path: Path, ending: str) -> None:
    trace = read(
        written(tmp_path / f"t{ending}", text_of(ROWS))
        if ending != ".CSV"
        else written(tmp_path / "t.CSV", text_of(ROWS))
    )
    assert facts(trace) == [
        ("b", 0, 1, 30_250, -1, 0, "Eval"),
        ("a", 49_500, 8, 3_600_000, 7_200_000, 1, "Pretrain"),
        ("c", 49_500, 1, 1, 60_000, 1, ""),
        ("d", 59_500, 3, 99_000, -1, -1, "Eval"),
    ]
    assert trace.kinds == ("Eval", "Pretrain") and trace.rejected == () and trace.rows_read == len(trace) == 4
    assert trace.span_ms == 59_500 and trace.work == 30_250 + 8 * 3_600_000 + 1 + 3 * 99_000


def test_csv_tolerates_a_byte_order_mark_windows_lines_blank_lines_other_columns_and_any_order(tmp_path: Path) -> None:
    plain = read(written(tmp_path / "a.csv", text_of(ROWS)))
    order = [3, 1, 7, 0, 2, 6, 5, 4]
    rows = [(*(row[column] for column in order), "start, quoted") for row in ROWS]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([*(HEADER.split(",")[column] for column in order), "start_easy_s"])
    for row in rows:
        writer.writerow(row)
        stream.write("\r\n")
    other = read(written(tmp_path / "b.csv", b"\xef\xbb\xbf" + stream.getvalue().encode()))
    assert facts(other) == facts(plain)


def test_all_formats_read_alike(tmp_path: Path) -> None:
    rows = [(job, 7 * job % 50, 1 + job % 5, 10 + job, 100 * job if job % 3 else None) for job in range(1, 40)]
    texts = [tuple("" if value is None else str(value) for value in row) for row in rows]
    logs = "".join(swf_line(job, submit, run, gang, requested=asked or -1) for job, submit, gang, run, asked in rows)
    header = "; Version: 2.2\n; MaxProcs: 64 (8 nodes)\n;UnixStartTime: 870000000\n;\n\n"
    paths = [
        parquet_file(tmp_path / "t.parquet", rows),
        written(tmp_path / "t.csv", text_of(texts, "job_id,submit_s,gpus,runtime_s,requested_s")),
        written(tmp_path / "t.csv.gz", text_of(texts, "job_id,submit_s,gpus,runtime_s,requested_s")),
        written(tmp_path / "t.swf", header + logs.replace(" ", "   ")),
        written(tmp_path / "t.swf.gz", header + logs.replace(" ", "\t")),
    ]
    assert {path.name.removeprefix("t") for path in paths} == set(READERS)
    traces = [read(path) for path in paths]
    assert all(facts(trace) == facts(traces[0]) for trace in traces)
    assert (traces[3].machine, traces[3].began_unix_s, traces[0].machine) == (64, 870_000_000, -1)
    assert not any(column.flags.writeable for column in (traces[0].submit_ms, traces[0].gang, traces[0].user))


def test_swf_takes_requested_processors_else_allocated_and_minus_one_as_unknown(tmp_path: Path) -> None:
    lines = [
        swf_line(1, 0, 50, 16, allocated=8, requested=60, user=3, queue=2),
        swf_line(2, 5, 51, -1, allocated=8),
    ]
    trace = read(written(tmp_path / "t.swf", "".join(lines)))
    assert facts(trace) == [("1", 0, 16, 50_000, 60_000, 0, "2"), ("2", 5_000, 8, 51_000, -1, -1, "")]


def test_without_job_ids_rows_are_named_by_their_number(tmp_path: Path) -> None:
    header = "submit_s,gpus,runtime_s"
    assert read(written(tmp_path / "t.csv", text_of([("1", "1", "1")] * 2, header))).job_id.tolist() == ["2", "3"]
    assert read(parquet_file(tmp_path / "t.parquet", [(1, 1, 1)] * 2, header)).job_id.tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1", 1000),
        ("0.0015", 2),
        ("0.0025", 2),
        ("1e3", 1_000_000),
        (".5", 500),
        ("2.", 2000),
        ("+7", 7000),
        (" 7\t", 7000),
        ("1699999999.1234", 1_699_999_999_123),
        ("0.29", 290),
        ("4.35", 4350),
        ("0.1E1", 1000),
    ],
)
def test_seconds_in_text_become_milliseconds_exactly(text: str, milliseconds: int) -> None:
    assert fields.submit("submit_s", text) == milliseconds


# ---- defects

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


# ---- files


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


# ---- load


def test_without_a_load_jobs_stand_as_recorded(tmp_path: Path) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario())
    for column, recorded in (("arrival", "submit_ms"), ("walltime", "walltime_ms"), ("gang", "gang")):
        assert np.array_equal(jobs[column], getattr(trace, recorded))
    assert np.all(jobs.tags == 0) and np.array_equal(jobs.priority, jobs.cls)


@pytest.mark.parametrize("load", [0.05, 0.6, 0.9, 1.2, 4.3])
def test_a_wanted_load_is_met_with_time_hardly_stretched(tmp_path: Path, load: float) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario(), load, seed=3, episode=5)
    assert offered_load(jobs, scenario()) == pytest.approx(load, rel=1e-6)
    assert np.all(np.diff(jobs.arrival) >= 0) and jobs.arrival[0] >= 0
    assert np.ptp(jobs.arrival) == pytest.approx(trace.span_ms, rel=0.1)


def test_the_same_seed_and_episode_give_the_same_bits_and_others_do_not(tmp_path: Path) -> None:
    trace, world = made_up(tmp_path), scenario()
    once = to_jobs(trace, world, 1.7, seed=3, episode=5)
    assert once.tobytes() == to_jobs(trace, world, 1.7, seed=3, episode=5).tobytes()
    assert once.tobytes() != to_jobs(trace, world, 1.7, seed=4, episode=5).tobytes()
    assert once.tobytes() != to_jobs(trace, world, 1.7, seed=3, episode=6).tobytes()


@pytest.mark.parametrize("days", [0.01, 0.5, 1.5, 6.3, 13.9, 14.0, 29.4, 90.0])
def test_a_copy_keeps_the_hour_of_the_day_and_of_the_week(tmp_path: Path, days: float) -> None:
    trace = made_up(tmp_path, jobs=300, days=days)
    unit = WEEK if trace.span_ms >= 2 * WEEK else DAY
    assert np.array_equal(rotated(trace.submit_ms, 0, 1, 1), trace.submit_ms)
    for copy in range(1, 6):
        times = rotated(trace.submit_ms, copy, seed=7, episode=copy)
        assert times.min() >= 0 and times.max() <= trace.span_ms
        moved = (times - trace.submit_ms) % unit
        jitter = np.minimum(moved, unit - moved)
        # Those that the jitter pushed over the seam come back at its other end.
        inside = (trace.submit_ms > MOST_JITTER) & (trace.submit_ms < trace.span_ms - MOST_JITTER)
        assert np.all(jitter[inside] <= MOST_JITTER)
        if trace.span_ms >= 2 * unit:
            assert np.all(np.abs(times - trace.submit_ms)[inside] >= unit - MOST_JITTER)


def test_a_rotation_leaves_no_gap_and_doubles_no_week() -> None:
    hours = np.arange(29 * 24 + 1) * 3_600_000
    times = np.sort(rotated(hours, 1, seed=1, episode=1))
    assert np.all(np.diff(times) <= 2 * 3_600_000) and len(np.unique(times)) == len(hours)


def test_thinning_keeps_each_job_with_the_wanted_probability_and_the_wanted_work(tmp_path: Path) -> None:
    trace, episodes = made_up(tmp_path, jobs=400), 300
    work = trace.gang * trace.walltime_ms
    kept, shares = np.zeros(len(trace)), np.zeros(episodes)
    for episode in range(episodes):
        jobs = thinned(trace, Fraction(3, 10), seed=1, copy=0, episode=episode)
        kept[jobs] += 1
        shares[episode] = work[jobs].sum() / work.sum()
        assert abs(len(jobs) - 120) <= 1
    # Five standard deviations of a binomial share over the 400 jobs.
    assert np.all(np.abs(kept / episodes - 0.3) < 5 * (0.3 * 0.7 / episodes) ** 0.5)
    independent = (0.3 * 0.7 * (work.astype(float) ** 2).sum()) ** 0.5 / work.sum()
    assert shares.mean() == pytest.approx(0.3, abs=0.01) and shares.std() < 0.6 * independent


def test_overlaid_copies_hold_every_job_as_often_as_wanted(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=200)
    for ratio in (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(1, 4)):
        counts = np.bincount(overlaid(trace, ratio, seed=1, episode=1).job, minlength=200)
        assert counts.sum() == pytest.approx(float(ratio) * 200, abs=1)
        assert counts.min() == ratio // 1 and counts.max() == -(-ratio // 1)


def test_drawn_requests_are_at_the_limit_or_over_estimates(tmp_path: Path) -> None:
    trace = made_up(tmp_path)
    jobs = to_jobs(trace, scenario(), seed=1)
    is_at_limit = jobs.requested == jobs.walltime
    assert np.mean(is_at_limit) == pytest.approx(0.3, abs=0.03)
    estimates, walltime = jobs.requested[~is_at_limit], jobs.walltime[~is_at_limit]
    assert np.all(estimates % (5 * MINUTE) == 0) and np.all(estimates >= walltime)
    assert np.all(estimates <= 3 * walltime + 5 * MINUTE)
    long = walltime > 20 * 60 * MINUTE
    assert np.mean(estimates[long] / walltime[long]) == pytest.approx(2, abs=0.15)


def test_recorded_requests_stay(tmp_path: Path) -> None:
    jobs = to_jobs(read(written(tmp_path / "t.csv", text_of(ROWS))), scenario())
    assert jobs.requested[[1, 2]].tolist() == [7_200_000, 60_000]


@pytest.mark.parametrize("load", [0, -1, float("nan"), float("inf"), 1e9, 1e-9])
def test_a_load_that_cannot_be_had_is_refused(tmp_path: Path, load: float) -> None:
    with pytest.raises(InputError, match=r"^load: (offered load|jobs of one episode)"):
        to_jobs(made_up(tmp_path, jobs=200), scenario(), load)


def test_the_load_refers_to_the_speed_of_the_committed_sites(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=500)
    slow, fast = (offered_load(to_jobs(trace, scenario()), scenario(speed=speed)) for speed in ("1", "2.5"))
    assert slow == pytest.approx(2.5 * fast)


def test_tags_are_drawn_from_the_shares_of_the_class(tmp_path: Path) -> None:
    world, trace = load_scenario("colossus1_gcp"), made_up(tmp_path)
    jobs = to_jobs(trace, world, seed=1)
    assert jobs.tobytes() == to_jobs(trace, world, seed=1).tobytes() != to_jobs(trace, world, seed=2).tobytes()
    for index, job_class in enumerate(world.classes):
        tags = jobs.tags[jobs.cls == index]
        assert set(tags) <= {world.tag_mask(required) for required in job_class.portability}
        for required, weight in job_class.portability.items():
            share = float(weight / sum(job_class.portability.values()))
            assert np.sum(tags == world.tag_mask(required)) == pytest.approx(
                share * len(tags), abs=5 * len(tags) ** 0.5
            )


def test_names_of_draws_and_numbers_of_jobs_have_limits(tmp_path: Path) -> None:
    trace = made_up(tmp_path, jobs=200)
    for names in ({"seed": -1}, {"episode": 1 << 63}):
        with pytest.raises(InputError, match="outside"):
            to_jobs(trace, scenario(), **names)
    with pytest.raises(InputError, match="jobs of one episode"):
        to_jobs(trace, scenario(accelerators=1_000_000_000), 0.9)


def test_a_load_needs_a_span_and_committed_accelerators(tmp_path: Path) -> None:
    one = read(written(tmp_path / "t.csv", text_of(ROWS[:1])))
    assert len(to_jobs(one, scenario())) == 1
    with pytest.raises(InputError, match="spans no time"):
        to_jobs(one, scenario(), 0.9)
    with pytest.raises(InputError, match="which is 0"):
        to_jobs(made_up(tmp_path, jobs=50), scenario(accelerators=0), 0.9)


def test_a_large_gang_is_warned_of(tmp_path: Path) -> None:
    trace = read(written(tmp_path / "t.csv", text_of(ROWS)))
    assert fits(trace, scenario(accelerators=32)) is None
    warning = fits(trace, scenario(accelerators=31))
    assert warning is not None and "largest gang, 8," in warning and "at least 32" in warning


# ---- classes


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


# ---- recorded traces


@pytest.fixture(scope="module", params=TRACES)
def recorded(request: pytest.FixtureRequest) -> Trace:
    path = SHARED / "traces" / f"{request.param}.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded trace at {path}; set TIDEGATE_SHARED to the folder that has traces/")
    return read(path)


def test_a_recorded_trace_is_read_whole(recorded: Trace) -> None:
    assert recorded.rejected == () and len(recorded) > 100
    assert recorded.requested_ms.max() == -1 and recorded.submit_ms[0] == 0


@pytest.mark.parametrize("load", [0.6, 0.9, 1.2])
def test_a_recorded_trace_is_scaled_to_the_load(recorded: Trace, load: float) -> None:
    accelerators = 4 * int(recorded.gang.max())
    jobs = to_jobs(recorded, scenario(accelerators), load, seed=1, episode=2)
    assert offered_load(jobs, scenario(accelerators)) == pytest.approx(load, rel=0.01)
    assert np.ptp(jobs.arrival) == pytest.approx(recorded.span_ms, rel=0.05)
    assert np.all(jobs.requested >= jobs.walltime) and np.all(np.diff(jobs.arrival) >= 0)


def test_eighty_thousand_rows_are_read_in_a_second() -> None:
    path = SHARED / "traces" / "philly_clean.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded trace at {path}; set TIDEGATE_SHARED to the folder that has traces/")
    read(path)  # the first call imports pyarrow
    began = time.process_time()
    assert len(read(path)) == 82_178
    assert time.process_time() - began < 1


def test_the_golden_schedule_is_read_with_its_further_columns_ignored() -> None:
    path = SHARED / "golden" / "easy_16384_seed1.csv"
    if not path.is_file():
        pytest.skip(f"no golden schedule at {path}; set TIDEGATE_SHARED to the folder that has golden/")
    trace = read(path)
    assert len(trace) == 10_000 and trace.requested_ms[0] == 9_526_000 and trace.walltime_ms[0] == 4_776_000
