"""`tidegate replay`: a recorded trace on one site."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .output import check_target, print_facts, print_json, save
from .progress import COMPILING, bar, waiting


class Dispatch(StrEnum):
    """How a site starts what it has queued."""

    fcfs = "fcfs"
    easy = "easy"


def replay(
    trace: Annotated[Path, Argument(metavar="TRACE", help="A .parquet, .csv, .csv.gz, .swf or .swf.gz file.")],
    capacity: Annotated[int, Option(min=1, max=1 << 24, help="Accelerators of the site.")],
    dispatch: Annotated[Dispatch, Option(help="First come first served, or with EASY backfill.")],
    starts: Annotated[Path | None, Option(help="Write each job's start to this .csv file.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay a trace on one site, and tell how long its jobs would have waited."""
    check_target("--starts", starts, (".csv",))
    with waiting(json, f"reading {trace.name}; {COMPILING}"):
        from ...envs.traces.read import read
        from .origin import first_submission
        from .schedule import scheduled

        recorded = read(trace)
    with bar(json, f"replaying {len(recorded):,} jobs") as progress:
        schedule = scheduled(recorded, capacity, dispatch.value, progress)
    summary = _summary(recorded, schedule, dispatch.value)
    try:
        if json:
            print_json(summary)
        else:
            _print(summary)
    finally:  # for whoever has closed the pipe, too
        if starts is not None:
            with waiting(json, f"writing {starts}"):
                save("--starts", starts, _starts(recorded.job_id, schedule.start + first_submission(trace)))


def _print(summary: dict[str, Any]) -> None:
    """The summary, one fact a line."""
    known, unknown = summary["requested_known"], summary["requested_set_to_walltime"]
    print_facts(
        [
            ("trace", f"{summary['trace']}, {summary['jobs']:,} jobs"),
            ("site", f"{summary['capacity']:,} accelerators, {summary['dispatch']}"),
            ("requested walltime", f"{known:,} recorded; {unknown:,} not, there it is set to the walltime"),
            ("wait, mean", f"{summary['wait_mean_s']:,.2f} s"),
            ("wait, p50", f"{summary['wait_p50_s']:,.2f} s"),
            ("wait, p95", f"{summary['wait_p95_s']:,.2f} s"),
            ("makespan", f"{summary['makespan_s']:,.2f} s"),
            ("utilisation", f"{summary['utilisation']:.1%}"),
            ("speed", f"{summary['jobs_per_s']:,.0f} jobs/s"),
        ]
    )


def _summary(trace: Any, schedule: Any, dispatch: str) -> dict[str, Any]:
    """The result in seconds and shares."""
    import numpy as np

    p50, p95 = np.percentile(schedule.wait, (50, 95))
    return {
        "trace": trace.source,
        "jobs": len(trace),
        "capacity": schedule.capacity,
        "dispatch": dispatch,
        "requested_known": int((trace.requested_ms >= 0).sum()),
        "requested_set_to_walltime": int((trace.requested_ms < 0).sum()),
        "wait_mean_s": float(schedule.wait.mean()) / 1000,
        "wait_p50_s": float(p50) / 1000,
        "wait_p95_s": float(p95) / 1000,
        "makespan_s": schedule.makespan / 1000,
        "utilisation": schedule.utilisation,
        "jobs_per_s": len(trace) / schedule.seconds,
    }


def _starts(job_id: Any, start: Any) -> bytes:
    """CSV, in the trace's order and its own time; `start` in ms."""
    import csv
    from io import StringIO

    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("job_id", "start_s"))
    rows.writerows(zip(job_id.tolist(), (seconds(ms) for ms in start.tolist()), strict=True))
    return text.getvalue().encode()


def seconds(milliseconds: int) -> str:
    """Seconds, as an integer when they are whole."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)
