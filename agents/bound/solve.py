"""A linear program's optimum by HiGHS, and a bound below it that holds whatever the solver did."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import highspy
import numpy as np

from .program import Program

TICK = 0.2  # s between two looks at the clock


class Solution(NamedTuple):
    """What came of a program."""

    bound: float  # at most the optimum; a weak one where the solver came to its limit
    value: float  # of the solver's point
    is_optimal: bool
    seconds: float
    rows: int
    columns: int


def solved(program: Program, time_limit: float, progress: Callable[[float], object] = lambda _: None) -> Solution:
    """Minimise `program` within `time_limit` [s] by the dual simplex method.

    `progress` takes the seconds since the solver began.
    """
    highs = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, "solver": "simplex", "time_limit": time_limit}.items():
        highs.setOptionValue(name, value)
    highs.passModel(model(program))
    _run(highs, progress)
    found = highs.getSolution()
    return Solution(
        bound=max(0.0, safe_bound(program, np.array(found.row_dual))),  # nothing here costs less than nothing
        value=float(highs.getInfo().objective_function_value),
        is_optimal=highs.getModelStatus() == highspy.HighsModelStatus.kOptimal,
        seconds=float(highs.getRunTime()),
        rows=program.matrix.shape[0],
        columns=program.matrix.shape[1],
    )


def _run(highs: highspy.Highs, progress: Callable[[float], object]) -> None:
    """Run the solver on a thread of its own: it does not hear Ctrl-C, and who waits for it does.

    It is ended by its time limit, at which it also looks before its first iteration, unlike at its callbacks.
    """
    ended, began = threading.Event(), time.monotonic()  # a join that is interrupted takes the thread for ended

    def run() -> None:
        try:
            highs.run()
        finally:
            ended.set()

    solving = threading.Thread(target=run, name="solver")
    solving.start()
    try:
        while not ended.wait(TICK):
            progress(time.monotonic() - began)
    finally:
        if not ended.is_set():
            highs.setOptionValue("time_limit", 0.0)
        solving.join()


def safe_bound(program: Program, duals: np.ndarray) -> float:
    """The Lagrangian value of some `duals` (rows,), after Neumaier and Shcherbina: no solution costs less.

    Any duals give a bound, the right ones the best. What a column without an end would gain is not allowed to be
    negative: the duals of rows that such a column lies in are scaled down.
    """
    if len(duals) != program.matrix.shape[0]:
        return 0.0
    y = np.where(np.isinf(program.upper), np.maximum(duals, 0.0), duals)
    y = np.where(np.isinf(program.lower), np.minimum(y, 0.0), y)
    y = _affordable(program, y)
    reduced = program.cost - program.matrix.T @ y
    bounded = np.where(np.isinf(program.most), 0.0, program.most)
    total = float(np.minimum(reduced * bounded, 0.0).sum())
    total += float(np.where(y > 0, np.where(np.isinf(program.lower), 0.0, program.lower), 0.0) @ y)
    return total + float(np.where(y < 0, np.where(np.isinf(program.upper), 0.0, program.upper), 0.0) @ y)


def _affordable(program: Program, y: np.ndarray) -> np.ndarray:
    """`y`, made so small that no column without an end has a negative reduced cost."""
    endless = np.flatnonzero(np.isinf(program.most))
    own = program.matrix[:, endless].tocoo()
    load = np.zeros(len(endless))
    np.add.at(load, own.col, own.data * y[own.row])
    over = load > program.cost[endless]
    for column in np.flatnonzero(over):
        rows = own.row[own.col == column]
        pulling = rows[own.data[own.col == column] * y[rows] > 0]
        y[pulling] *= max(0.0, program.cost[endless[column]]) / max(load[column], 1e-300) * (1 - 1e-12)
    return y


def model(program: Program) -> highspy.HighsLp:
    """The program as HiGHS takes it."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = program.matrix.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, np.zeros(len(program.cost)), program.most
    lp.row_lower_, lp.row_upper_ = program.lower, program.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = program.matrix.indptr
    lp.a_matrix_.index_ = program.matrix.indices
    lp.a_matrix_.value_ = program.matrix.data
    return lp
