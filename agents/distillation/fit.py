"""The student fits its teachers' labels: as cheap an answer as theirs, by their own reckoning of costs.

A teacher's score of an action is the negative logarithm of what it counts as its cost (fastsim/network.py), so that the
difference to its best one says by how much an answer is wrong. With π the student's choice, made sharper,

    wrong = Σ_a π(a) × (min(best score − score(a), MOST) + WRONG where a is not the best)
    loss = mean over scenarios of the mean over offers of stakes × wrong  (visited.py keeps offers by their stakes)

Two answers may cost nearly the same by one offer's reckoning and still not be the same: whoever holds a job for nearly
nothing does so again at the next offer. So each wrong answer counts WRONG at least. Stakes grow with the job, and count
each job at least once: large ones are the bill, small ones the waits.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ...fastsim.network import HEADS
from ...fastsim.observe import SITE_FEATURES
from ..evolution.genes import SITE
from ..ppo.imitate import ILLEGAL
from ..ppo.network import SiteScorer
from .settings import Settings
from .visited import Offers

MOST, WRONG = 3.0, 0.05
HIDDEN = 0.1  # step size of hidden layers, in that of the weighing
HELD = 10  # every so many offers one is not learned from
# What counts beside the metered part of a cost; a factor on all of them would change nothing.
FREE = ("committed", "waiting", "starting", "evicting", "holding")
Tell = Callable[[float], object]


class Labels(NamedTuple):
    """Offers of worlds with as many sites, and what a teacher says of them."""

    scenario: torch.Tensor  # int64 (rows,)
    observations: torch.Tensor  # (rows, size)
    masks: torch.Tensor  # bool (rows, actions)
    regrets: torch.Tensor  # (rows, actions): score of the best action less that of each, at most MOST; 0 where illegal
    weights: torch.Tensor  # (rows,): by how much each counts
    held: torch.Tensor  # bool (rows,): not learned from

    def where(self, rows: torch.Tensor) -> "Labels":
        """Some of them: places, or bool (rows,)."""
        return Labels(*(column[rows] for column in self))


class Match(NamedTuple):
    """How like its teacher the student is, on offers that it did not learn from, which count by what is at stake."""

    agreement: float  # share of the offers that it answers as the teacher does
    regret: float  # mean by how much its answers cost more, by the teacher's reckoning: a logarithm


@torch.no_grad()
def labelled(offers: Offers, teacher: SiteScorer, seed: Sequence[int]) -> Labels:
    """What a teacher says of some offers."""
    observations, masks = torch.from_numpy(offers.observations), torch.from_numpy(offers.masks)
    scores = logarithms(teacher, observations, masks)
    regrets = (scores.amax(1, keepdim=True) - scores).clamp(max=MOST).masked_fill(~masks, 0.0)
    count = len(observations)
    held = np.random.default_rng([*seed, 0x4E1D]).random(count) < 1 / HELD
    return Labels(
        torch.full((count,), offers.scenario),
        observations,
        masks,
        regrets,
        torch.from_numpy(offers.weights),
        torch.from_numpy(held),
    )


def logarithms(scorer: SiteScorer, observations: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Scores (rows, actions) as what costs come to, whatever the network's sharpness; illegal ones far below."""
    return (scorer(observations) / scorer.weighing.sharpness).masked_fill(~masks, ILLEGAL)


def joined(parts: Sequence[Labels]) -> Labels:
    """All of them, which must be of worlds with as many sites."""
    return Labels(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


class Student:
    """A network that learns, and what it has been told so far."""

    def __init__(self, scorer: SiteScorer, scenarios: int, settings: Settings) -> None:
        self.scorer, self._scenarios, self._settings = scorer, scenarios, settings
        self._labels: dict[int, list[Labels]] = {}  # by the number of actions
        self._generator = torch.Generator().manual_seed(settings.seed)
        weighing = scorer.weighing
        self._weighing = (
            (weighing.weigh_common, _places(weighing.weigh_common, FREE)),
            (weighing.weigh_site, _site_places(weighing.weigh_site)),
            (weighing.weigh_bias, _places(weighing.weigh_bias, FREE)),
        )
        self._first = [value.detach().clone() for value, _ in self._weighing]
        self._hidden = [value for name, value in scorer.named_parameters() if not name.startswith("weighing.")]

    def told(self, labels: Labels) -> None:
        """More labels."""
        if len(labels.scenario):
            self._labels.setdefault(labels.masks.shape[1], []).append(labels)

    @property
    def held(self) -> list[int]:
        """Offers of each scenario that are not learned from."""
        counts = torch.zeros(self._scenarios, dtype=torch.int64)
        for labels in (one for parts in self._labels.values() for one in parts):
            counts += torch.bincount(labels.scenario[labels.held], minlength=self._scenarios)
        return counts.tolist()

    def fit(self, steps: int, tell: Tell) -> None:
        """Learn from all labels so far."""
        settings = self._settings
        groups = [_learned_from(joined(parts)) for parts in self._labels.values()]
        sums = torch.zeros(self._scenarios)
        for group in groups:
            sums.index_add_(0, group.scenario, group.weights)
        reach = [torch.cumsum(one.weights.double() / sums[one.scenario] / self._scenarios, 0) for one in groups]
        optimizer = torch.optim.Adam(
            [
                {"params": [value for value, _ in self._weighing], "lr": settings.rate},
                {"params": self._hidden, "lr": HIDDEN * settings.rate},
            ]
        )
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        for step in range(steps):
            loss = settings.ridge * self._moved()
            for group, ends in zip(groups, reach, strict=True):
                drawn = torch.rand(settings.rows, dtype=torch.float64, generator=self._generator) * ends[-1]
                rows = torch.searchsorted(ends, drawn).clamp(max=len(ends) - 1)  # each as often as it counts
                loss = loss + self._wrong(group.where(rows)).mean() * ends[-1]
            optimizer.zero_grad()
            loss.backward()
            for value, places in self._weighing:
                value.grad.mul_(places)  # type: ignore[union-attr]
            optimizer.step()
            schedule.step()
            tell((step + 1) / steps)

    def _moved(self) -> torch.Tensor:
        """Sum of squares of how far weights are from where they began."""
        return torch.stack(
            [(value - first).square().sum() for (value, _), first in zip(self._weighing, self._first, strict=True)]
        ).sum()

    def _wrong(self, labels: Labels) -> torch.Tensor:
        """By how much the student's choices are wrong, (rows,)."""
        scores = self._settings.sharpness * logarithms(self.scorer, labels.observations, labels.masks)
        regrets = labels.regrets + WRONG * (labels.regrets > 0)
        return (torch.softmax(scores, 1) * regrets).sum(1)

    @torch.no_grad()
    def matches(self) -> list[Match]:
        """How like its teacher it is in each scenario."""
        same, lost, count = (torch.zeros(self._scenarios) for _ in range(3))
        for parts in self._labels.values():
            labels = joined(parts)
            labels = labels.where(labels.held)
            actions = logarithms(self.scorer, labels.observations, labels.masks).argmax(1)
            regrets = labels.regrets.gather(1, actions.unsqueeze(1)).squeeze(1)
            same.index_add_(0, labels.scenario, labels.weights * (regrets == 0))
            lost.index_add_(0, labels.scenario, labels.weights * regrets)
            count.index_add_(0, labels.scenario, labels.weights)
        return [Match(*pair) for pair in zip((same / count).tolist(), (lost / count).tolist(), strict=True)]


def _learned_from(labels: Labels) -> Labels:
    return labels.where(~labels.held)


def _places(value: torch.Tensor, heads: Sequence[str]) -> torch.Tensor:
    """1 where weights of some heads, which stand last, learn, and else 0."""
    places = torch.zeros_like(value, requires_grad=False)
    places[..., [HEADS.index(head) for head in heads]] = 1.0
    return places


def _site_places(value: torch.Tensor) -> torch.Tensor:
    """The same for what depends on a site: the metered part too, which differs between sites, and what favours one.

    What favours a site comes before all costs, and is learned for what evolution learns it for only: from more it
    makes that sites are avoided where nothing speaks against them.
    """
    places = _places(value, ("metered", *FREE))
    for head, feature in SITE:
        places[SITE_FEATURES.index(feature), HEADS.index(head)] = 1.0
    return places
