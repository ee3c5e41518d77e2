"""What becomes of a cluster under several policies: an evaluation whose episodes are futures of now."""

from collections.abc import Sequence

from ...envs.present import Present
from ...envs.scenario import Scenario
from ...fastsim.agent import Player
from ..evaluation.cohort import Chunk
from ..evaluation.evaluate import Progress, check, scores_of, side_by_side
from ..evaluation.report import Report
from .futures import future

FUTURES = 32


def whatif(
    present: Present,
    scenario: Scenario,
    agents: Sequence[Player],
    hours: int,
    futures: int = FUTURES,
    seed: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Play each agent on from a cluster as it is now, in the same futures.

    Scored are the jobs that wait now and those that arrive within `hours`, each until it has left, as in an evaluation;
    an episode of the report is a future. Raises InputError for a number that makes no sense, or a span that ends.
    """
    check(agents, futures)
    future(present, scenario, seed, 0, hours)  # what is wrong with one is wrong with all

    def chunk(number: int) -> Chunk:
        return future(present, scenario, seed, number, hours)

    played = side_by_side(chunk, agents, futures, futures, progress=progress)
    day = int(present.now[0].now) / 86_400_000
    return Report(
        scenario=scenario.name,
        digest=scenario.digest(),
        sites=tuple(site.name for site in scenario.sites),
        classes=tuple(cls.name for cls in scenario.terms),
        seed=seed,
        episodes=futures,
        trace=None,
        load=None,
        policies=scores_of(scenario, present.spec, agents, played),
        notes=(
            f"futures of the cluster as it is on day {day:.2f}: costs and waits are those of the jobs that wait then "
            f"and of those that arrive within {hours:,} hours, each until it has left",
            *(agent.note for agent in agents if agent.note),
        ),
    )
