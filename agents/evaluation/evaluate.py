"""Policies on the same held-out episodes: draw, warm up once, play each, compare."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from ...envs.scenario import Scenario
from ...envs.traces.load import copies, fits
from ...envs.traces.read import read
from ...envs.traces.table import Trace
from ...fastsim.agent import Player
from ...fastsim.errors import InputError
from ...fastsim.spec import Spec
from ...fastsim.threads import each
from .cohort import Chunk
from .compare import FEW_BLOCKS, FEWEST_BLOCKS
from .episodes import MOST_EPISODES
from .fares import joined
from .measures import Ground, Sample, by_class, by_site, ground_of, measured
from .policies import check_names
from .report import Report, Scores, counted, resampled, unit_of
from .source import Change, Source
from .window import Played

EPISODES, EPISODES_OF_A_TRACE = 64, 4

Progress = Callable[[int, int], None]  # episodes played, of how many, counted once for each agent


def evaluate(
    scenario: Scenario,
    agents: Sequence[Player],
    episodes: int | None = None,
    seed: int = 0,
    trace: Trace | str | Path | None = None,
    load: float | None = None,
    progress: Progress | None = None,
    change: Change | None = None,
) -> Report:
    """Play every agent on the same episodes.

    Args:
        scenario: The world.
        agents: With different names; the others are compared against the first.
        episodes: How many windows of drawn work (`evaluation_windows` of them in one play), or plays of a trace; None:
            64, or 4.
        seed: Names the episodes, and the resamples of the intervals. In [0, 2^63).
        trace: A recorded trace, or its file, instead of drawn work.
        load: Offered load instead of the scenario's, or of the trace's own.
        progress: Told after each play of each agent, on the threads that play.
        change: Of every drawn episode, before it is played.

    Raises:
        InputError: a number, name, load or trace makes no sense.
    """
    recording = read(trace) if isinstance(trace, (str, Path)) else trace
    count = episodes if episodes is not None else EPISODES if recording is None else EPISODES_OF_A_TRACE
    check(agents, count)
    source = Source(scenario, seed, recording, load, change=change)

    def chunk(number: int) -> Chunk:
        return Chunk(source.spec, [source.play(number, count)])

    windows = 1 if recording is not None else None
    played = side_by_side(chunk, agents, source.plays(count), count, windows, progress)
    scores = scores_of(scenario, source.spec, agents, played, source.in_a_row)
    return Report(
        scenario=scenario.name,
        digest=scenario.digest(),
        sites=tuple(site.name for site in scenario.sites),
        classes=tuple(cls.name for cls in scenario.terms),
        seed=seed,
        episodes=count,
        trace=None if recording is None else recording.source,
        load=load,
        policies=scores,
        notes=_notes(scenario, recording, load, agents, scores),
    )


def side_by_side(
    chunk: Callable[[int], Chunk],
    agents: Sequence[Player],
    plays: int,
    episodes: int,
    windows: int | None = None,
    progress: Progress | None = None,
) -> list[list[Played]]:
    """What the `plays` came to, by agent: chunk(0), chunk(1) … of one play each, which make so many `episodes`.

    A thread takes a play from its drawing to the last agent: what is in memory is what is being played. `windows`: how
    many episodes a play is; None: as many as it has blocks.
    """
    done, telling = 0, Lock()

    def work(number: int) -> list[Played]:
        one, results = chunk(number), []
        for agent in agents:
            results += one.play(agent)
            tell(len(one.episodes[0].edges) - 1 if windows is None else windows)
        return results

    def tell(more: int) -> None:
        nonlocal done
        with telling:
            done += more
            if progress is not None:
                progress(done, episodes * len(agents))

    return [list(results) for results in zip(*each(work, plays), strict=True)]


def scores_of(
    scenario: Scenario, spec: Spec, agents: Sequence[Player], played: list[list[Played]], in_a_row: int = 1
) -> tuple[Scores, ...]:
    """What each agent came to in all its plays, each of which is `in_a_row` episodes. `played` is used up."""
    ground = ground_of(scenario, spec)
    return tuple(each(lambda index: _joined(agents[index].name, ground, played[index], in_a_row), len(agents)))


def check(agents: Sequence[Player], episodes: int) -> None:
    """Refuse what names no evaluation."""
    if not agents:
        raise InputError("evaluation", "policies", 0, "there is nothing to evaluate", "name at least one")
    check_names(agents)
    if not 1 <= episodes <= MOST_EPISODES:
        raise InputError("evaluation", "episodes", episodes, f"is outside 1 to {MOST_EPISODES}", "choose another")


def _joined(name: str, ground: Ground, played: list[Played], in_a_row: int) -> Scores:
    """The episodes of one agent, one after the other; each window of drawn work is one, a trace is one as a whole.

    `played`, which is large, is used up.
    """
    for number, one in enumerate(played):
        one.rows.episode = number if in_a_row == 1 else number * in_a_row + one.rows.block
    rows = np.concatenate([one.rows for one in played]).view(np.recarray)
    fares, responses = joined([one.fares for one in played]), np.concatenate([one.responses for one in played])
    played.clear()
    sample = Sample(ground, rows, fares, responses)
    return Scores(name, sample, measured(sample), by_class(sample), by_site(sample))


def _notes(
    scenario: Scenario,
    trace: Trace | None,
    load: float | None,
    agents: Sequence[Player],
    scores: tuple[Scores, ...],
) -> tuple[str, ...]:
    """What a reader must know to read the figures."""
    notes = [agent.note for agent in agents if agent.note]
    if trace is not None:
        weeks = len(np.unique(scores[0].rows.block))
        notes.append(f"intervals are conditional on {trace.source}: they resample its {weeks} weeks")
        if (count := copies(trace, scenario, load)) > 1:
            alike = "its weeks share jobs, and intervals show less than another recording would change"
            notes.append(f"the load is made of {count} copies of {trace.source}, each turned by whole weeks: {alike}")
        if (warning := fits(trace, scenario)) is not None:
            notes.append(warning)
    rows, is_trace = scores[0].rows, trace is not None
    blocks = len(np.unique(resampled(rows, is_trace)))
    if blocks < FEW_BLOCKS:
        told = f"below {FEWEST_BLOCKS} there is no interval" if blocks < FEWEST_BLOCKS else "intervals rest on little"
        notes.append(f"{counted(blocks, unit_of(rows, is_trace))} {'is' if blocks == 1 else 'are'} few: {told}")
    left = [(one.name, count) for one in scores if (count := one.total("unfinished"))]
    notes += [f"{name}: {count} jobs never finished; they are charged until the end" for name, count in left]
    return tuple(notes)
