"""HiGHS on a plan's program: one thread, fixed settings, always from the same basis, so that a plan has no past."""

import threading
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.errors import InputError
from .program import Program
from .slots import COUNT

OPTIONS = {"output_flag": False, "threads": 1, "presolve": "off", "solver": "simplex", "parallel": "off"}


class Prices(NamedTuple):
    """Duals of a plan."""

    capacity: np.ndarray  # (sites, slots) $ that one more accelerator-hour saves
    floor: np.ndarray  # (providers under take-or-pay,) $ that one more dollar of the floor saves
    objective: float  # $


def highs() -> Any:
    """The module highspy. Raises InputError where it is not installed."""
    try:
        import highspy
    except ImportError:
        reason = "is not installed, and plans are solved with it"
        raise InputError("rolling-lp", "package", "highspy", reason, "pip install 'tidegate[bound]'") from None
    return highspy


def _silent(highspy: Any) -> Any:
    """A solver that says nothing: as it is made it would greet on stdout, which is for results."""

    class Silent(highspy.Highs):
        """Without callbacks, which nobody asks for."""

        def enableCallbacks(self) -> None:  # noqa: N802 (its name there)
            """Called as it is made, before it could be told to be silent."""
            self.setOptionValue("output_flag", False)

    return Silent()


class Solver:
    """One program in HiGHS, a copy for each thread that asks."""

    def __init__(self, program: Program) -> None:
        """Raises InputError where HiGHS is not installed."""
        self.program = program
        self._highspy = highs()
        self._own = threading.local()
        self._basis: Any = None

    def warm(self, costs: np.ndarray, rhs: np.ndarray) -> None:
        """Take the basis that solves this problem as the one that all others begin from."""
        self._basis = None
        self.solve(costs, rhs)
        self._basis = self._own.model.getBasis()

    def solve(self, costs: np.ndarray, rhs: np.ndarray) -> Prices:
        """The duals for costs (columns,) and right-hand sides (rows,)."""
        if not hasattr(self._own, "model"):
            self._own.model = self._new()
        model, program = self._own.model, self.program
        equal = program.rows[2]
        low = np.concatenate([rhs[:equal], np.full(len(rhs) - equal, -self._highspy.kHighsInf)])
        model.clearSolver()
        model.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        model.changeRowsBounds(len(rhs), np.arange(len(rhs), dtype=np.int32), low, rhs)
        if self._basis is not None:
            model.setBasis(self._basis)
        model.run()
        if model.getModelStatus() != self._highspy.HighsModelStatus.kOptimal:
            raise ArithmeticError(f"a plan has no optimum: {model.modelStatusToString(model.getModelStatus())}")
        duals = -np.minimum(np.array(model.getSolution().row_dual), 0.0)
        capacity = duals[program.rows[2] : program.rows[3]].reshape(-1, COUNT)
        return Prices(capacity, duals[program.rows[3] :], model.getObjectiveValue())

    def _new(self) -> Any:
        """The program in a solver of its own."""
        model = _silent(self._highspy)
        for name, value in OPTIONS.items():
            model.setOptionValue(name, value)
        program, columns, rows = self.program, int(self.program.columns[-1]), int(self.program.rows[-1])
        lp = self._highspy.HighsLp()
        lp.num_col_, lp.num_row_ = columns, rows
        lp.col_cost_ = np.zeros(columns)
        lp.col_lower_, lp.col_upper_ = np.zeros(columns), np.full(columns, self._highspy.kHighsInf)
        lp.row_lower_, lp.row_upper_ = np.zeros(rows), np.zeros(rows)
        lp.a_matrix_.format_ = self._highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = program.indptr.astype(np.int32)
        lp.a_matrix_.index_ = program.indices.astype(np.int32)
        lp.a_matrix_.value_ = program.values
        model.passModel(lp)
        return model
