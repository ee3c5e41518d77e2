"""What the router tells Prometheus: from zero on, and also where nobody judges."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents.router import engine
from tidegate.agents.router import service as service_module
from tidegate.agents.router.request import parsed
from tidegate.agents.router.service import Service

from .toy_router import asked, question, run, scenario, service


def told(router: Service, metric: str, **labels: str) -> float | None:
    """A metric's value; None: it is not there."""
    return router.metrics.registry.get_sample_value(f"tidegate_{metric}", labels)


@pytest.fixture
def contrary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy always wants something else than the baseline."""

    def asked_for(self: engine.Engine, offer: Any, attempt: int) -> tuple[int, str]:
        rule = engine.legal(offer.second, offer.mask)
        return next(int(action) for action in np.flatnonzero(offer.mask) if action != rule), "familiar"

    monkeypatch.setattr(engine.Engine, "_heard", asked_for)


def test_what_can_happen_is_there_at_zero(tmp_path: Path) -> None:
    """Prometheus sees no increase in a counter that begins at 1, so that an alert would miss the first time."""
    router = service(tmp_path / "audit.db")
    try:
        for action in (*(site.name for site in scenario().sites), "hold"):
            assert told(router, "decisions_total", by="policy", action=action) == 0
            assert told(router, "decisions_total", by="baseline", action=action) == 0
        for status in ("400", "401", "404", "409", "413", "429", "503"):
            assert told(router, "refusals_total", status=status) == 0
    finally:
        router.close()


@pytest.mark.usefixtures("contrary")
def test_differences_are_counted_where_nobody_judges(tmp_path: Path) -> None:
    """`--no-judge` leaves out what they cost, not that they are."""

    async def body(router: Service) -> None:
        await router.route(parsed(question(asked("one"), asked("two"))))
        assert told(router, "differing_total") == 2
        assert told(router, "judged_total") == 0

    run(tmp_path / "audit.db", body)


@pytest.mark.usefixtures("contrary")
def test_a_new_share_begins_the_comparisons_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those that the difference rests on; the counter of all goes on."""
    monkeypatch.setattr(service_module, "judge", lambda case, seed, number: 7.0)

    async def body(router: Service) -> None:
        await router.route(parsed(question(asked("one"))))
        while told(router, "judged_total") == 0:
            await asyncio.sleep(0.01)
        assert (told(router, "comparisons"), told(router, "difference_dollars", of="mean")) == (1, 7)
        router.give_share(0.1, "test")
        assert (told(router, "comparisons"), told(router, "judged_total")) == (0, 1)

    run(tmp_path / "audit.db", body, judges=True)
