"""Draws README's picture from a real run: who occupies what over two weeks, and who waits.

    python docs/occupancy.py [--scenario mid_lab] [--policy cost-greedy] [--seed 1] [--out docs/images/occupancy.png]

The episode is the one that `tidegate simulate` plays under the same names; the picture is read from its event log.
Needs the `report` extra.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.focus.usage import Runs, runs_of
from tidegate.agents.verbs.episode import played
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.log import ARRIVE, EVICT, EXPIRE, PREEMPT, READY, WRITE_OFF
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds

FIRST_DAY, DAYS = 14, 14
STEP = HOUR // 4  # of the drawn curves
COMMITTED, BURST, INK = "#0072B2", "#E69F00", "#333333"  # Okabe and Ito's palette: blue, orange
WAITING = ("#CC79A7", "#009E73", "#56B4E9", "#BBBBBB")  # purple, green, sky, grey
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHOWN = 3  # classes that the queue names; the others are one


def main() -> None:
    """Play, read, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="mid_lab")
    parser.add_argument("--policy", default="cost-greedy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images" / "occupancy.png")
    given = parser.parse_args()
    scenario = load(given.scenario)
    worlds = played(scenario, resolve(given.policy), given.seed, FIRST_DAY + DAYS, lambda _: None)
    title = f"{scenario.name} under {Path(given.policy).name}, seed {given.seed}"
    given.out.parent.mkdir(exist_ok=True)
    draw(scenario, worlds, title, given.out)


def instants() -> np.ndarray:
    """Where the curves are drawn, ms."""
    return np.arange(FIRST_DAY * DAY, (FIRST_DAY + DAYS) * DAY + 1, STEP)


def level(at: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Value at each of `instants()` of what changes by `change` at times `at`."""
    order = np.argsort(at, kind="stable")
    return np.concatenate([[0], np.cumsum(change[order])])[np.searchsorted(at[order], instants(), side="right")]


def occupied(runs: Runs, site: int) -> np.ndarray:
    """Accelerators that run at a site."""
    here = runs.site == site
    accelerators = runs.accelerators[here]
    return level(np.concatenate([runs.begin[here], runs.end[here]]), np.concatenate([accelerators, -accelerators]))


def waiting(worlds: Worlds, runs: Runs, cls: int) -> np.ndarray:
    """Accelerators that the waiting jobs of a class ask for; `runs` are by job."""
    rows, jobs = worlds.log(), worlds.jobs
    ready = rows[(rows[:, 1] == READY) | ((rows[:, 1] == ARRIVE) & (jobs.parents[rows[:, 2]] == 0))]
    gone = rows[(rows[:, 1] == EXPIRE) | ((rows[:, 1] == WRITE_OFF) & (jobs.parents[rows[:, 2]] == 0))]
    broken = np.isin(runs.how, (EVICT, PREEMPT))
    job = np.concatenate([ready[:, 2], gone[:, 2], runs.cls, runs.cls[broken]])
    at = np.concatenate([ready[:, 0], gone[:, 0], runs.begin, runs.end[broken]])
    sign = np.repeat([1, -1, -1, 1], [len(ready), len(gone), len(runs.cls), np.count_nonzero(broken)])
    own = jobs.cls[job] == cls
    return level(at[own], (sign * jobs.gang[job])[own])


def draw(scenario: Scenario, worlds: Worlds, title: str, out: Path) -> None:
    """Occupancy above, the queue below."""
    mpl.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK})
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 5.8), sharex=True, height_ratios=(5, 2.4), layout="constrained"
    )
    days = instants() / DAY
    runs = runs_of(worlds.log(), np.arange(len(worlds.jobs)), int(worlds.state().now))  # by job, not by class
    draw_sites(above, scenario, runs, days)
    draw_queue(below, scenario, worlds, runs, days)
    above.set_title(f"{title}: two weeks of a simulated run", loc="left", fontsize=12.5)
    ticks = range(FIRST_DAY, FIRST_DAY + DAYS)
    below.set_xticks(ticks, [f"{WEEKDAYS[day % 7]}\n{day}" for day in ticks], ha="left")
    below.set_xlim(FIRST_DAY, FIRST_DAY + DAYS)
    below.set_xlabel("day of the run")
    for axes in (above, below):
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    figure.savefig(out, dpi=150)


def draw_sites(axes: Any, scenario: Scenario, runs: Runs, days: np.ndarray) -> None:
    """Committed sites below, burst sites on top, and how much there is of each."""
    kinds = {provider.name: provider.is_committed for provider in scenario.providers}
    base, limit = np.zeros(len(days)), 0
    for is_committed, colour, name in ((True, COMMITTED, "committed"), (False, BURST, "burst")):
        sites = [index for index, site in enumerate(scenario.sites) if kinds[site.provider] == is_committed]
        use = sum((occupied(runs, site) for site in sites), np.zeros(len(days)))
        terms = "paid for whether used or not" if is_committed else "metered"
        label = f"{name}, {terms}: {prices(scenario, sites)} an hour"
        axes.fill_between(days, base, base + use, step="post", color=colour, label=label, linewidth=0)
        limit += sum(scenario.sites[site].capacity for site in sites)
        axes.axhline(limit, color=INK, linewidth=1.2, linestyle="--" if is_committed else ":")
        beside = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        text = f"{limit:,}\n{'committed' if is_committed else 'with burst'}"
        axes.annotate(text, (1, limit), (5, 0), color=INK, fontsize=10, **beside)
        base = base + use
    axes.set_ylim(0, 1.2 * limit)
    axes.set_ylabel("running accelerators")
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=10)


def prices(scenario: Scenario, sites: list[int]) -> str:
    """Prices per accelerator-hour on day 0, each once."""
    return ", ".join(dict.fromkeys(f"${scenario.sites[site].price_per_hour:.2f}" for site in sites))


def draw_queue(axes: Any, scenario: Scenario, worlds: Worlds, runs: Runs, days: np.ndarray) -> None:
    """The classes that wait most, one by one, and the others together."""
    curves = [waiting(worlds, runs, cls) for cls in range(len(scenario.terms))]
    order = sorted(range(len(curves)), key=lambda cls: -float(curves[cls].sum()))
    shown = [curves[cls] for cls in order[:SHOWN]]
    rest = sum((curves[cls] for cls in order[SHOWN:]), np.zeros(len(days)))
    names = [*(scenario.terms[cls].name for cls in order[:SHOWN]), "other classes"]
    axes.stackplot(days, *shown, rest, colors=WAITING, labels=names, step="post", linewidth=0)
    axes.set_ylim(0, 1.3 * float(np.sum(curves, axis=0).max()))
    axes.set_ylabel("waiting accelerators")
    axes.legend(loc="upper left", ncols=4, frameon=False, fontsize=10)


if __name__ == "__main__":
    main()
