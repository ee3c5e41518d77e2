"""Formats are read alike: a job of any file is the same row, in milliseconds since the first submission."""

import csv
import io
from pathlib import Path

import pytest

from tidegate.envs.traces import fields
from tidegate.envs.traces.read import READERS, read
from tidegate.envs.traces.table import Trace

from .toy_traces import HEADER, ROWS, parquet_file, swf_line, text_of, written


def facts(trace: Trace) -> list[tuple[object, ...]]:
    """A trace as rows, for comparison."""
    kinds = [trace.kinds[kind] if kind >= 0 else "" for kind in trace.kind]
    columns = (trace.job_id, trace.submit_ms, trace.gang, trace.walltime_ms, trace.requested_ms, trace.user)
    return list(zip(*(column.tolist() for column in columns), kinds, strict=True))


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
