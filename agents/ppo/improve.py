"""How a policy learns from labels: many small steps, each near to the policy as it was a moment ago.

Of an offer s with the actions a, what they cost c(s, a) and its weight w = 1 / chance of having been sampled:

    c̄(s, a) = w (c(s, a) − mean of c(s, ·) over legal actions) / mean of |w (…)| over the set, at most LIMIT in size
    A(s, a) = −(c̄(s, a) − Σ_b π_old(b|s) c̄(s, b))
    r(s, a) = π(a|s) / π_old(a|s)

    clipped         −Σ_a π_old(a|s) min(r A, clip(r, 1 − ε, 1 + ε) A)    PPO's objective, in expectation over actions
    unclipped       Σ_a π(a|s) c̄(s, a)                                   expected cost
    classification  −g log π(a*|s)     a*: the cheapest action, g: how much cheaper than the mean of the others

π_old is the policy as it was at the last of the `refreshes`, which end early where it has moved by `label_kl`. A part
of the labels is never learned from: what the new policy gains on them is what was learned, and not what was remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss

from .branches import LabelSet
from .network import SitePolicy, SiteScorer
from .settings import Settings

ILLEGAL = -1e9  # score of an illegal action
SPLIT, ORDER, VALUES = range(3)  # what is drawn, by the seed and the set's number

Objective = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]


@dataclass(frozen=True)
class Lesson:
    """A label set as tensors, and which of its rows are learned from."""

    observations: torch.Tensor  # (rows, size)
    masks: torch.Tensor  # (rows, actions) bool
    costs: torch.Tensor  # (rows, actions): weighted, about their mean, in that of a mean label; 0 where illegal
    dollars: torch.Tensor  # (rows, actions): the same, neither weighted nor scaled
    weights: torch.Tensor  # (rows,)
    learned: torch.Tensor  # rows
    held: torch.Tensor  # rows
    capped: float  # share of legal costs that were as large as LIMIT or larger


def lesson(labels: LabelSet, costs: np.ndarray, settings: Settings, number: int) -> Lesson:
    """Set `number`, with `costs` (rows, actions) in $; NaN where illegal."""
    centred = np.where(labels.masks, costs - np.nanmean(costs, 1, keepdims=True), 0.0)
    weighted = centred * labels.weights[:, None]
    scale = np.abs(weighted[labels.masks]).mean() or 1.0
    limit = settings.advantage_limit
    order = np.random.default_rng([settings.seed, number, SPLIT]).permutation(len(labels))
    held = min(max(1, round(settings.held_out * len(order))), len(order) - 1)
    return Lesson(
        torch.from_numpy(labels.observations),
        torch.from_numpy(labels.masks),
        torch.from_numpy((weighted / scale).clip(-limit, limit).astype(np.float32)),
        torch.from_numpy(centred.astype(np.float32)),
        torch.from_numpy(labels.weights.astype(np.float32)),
        torch.from_numpy(order[held:]),
        torch.from_numpy(order[:held]),
        float((np.abs(weighted[labels.masks]) >= limit * scale).mean()),
    )


def logs(actor: SiteScorer, observations: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Logarithms of π (rows, actions), far below 0 where illegal."""
    return torch.log_softmax(actor(observations).masked_fill(~masks, ILLEGAL), 1)


def clipped(
    new: torch.Tensor, old: torch.Tensor, costs: torch.Tensor, masks: torch.Tensor, clip: float
) -> torch.Tensor:
    """PPO's objective over all legal actions; new, old: log π (rows, actions). A scalar, as the others."""
    before, ratio = old.exp(), (new - old).masked_fill(~masks, 0.0).exp()  # the difference of two −1e9 may be any
    advantages = (before * costs).sum(1, keepdim=True) - costs
    bounded = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return -(before * bounded).masked_fill(~masks, 0.0).sum(1).mean()


def unclipped(
    new: torch.Tensor, old: torch.Tensor, costs: torch.Tensor, masks: torch.Tensor, clip: float
) -> torch.Tensor:
    """Expected cost."""
    return (new.exp() * costs).sum(1).mean()


def classification(
    new: torch.Tensor, old: torch.Tensor, costs: torch.Tensor, masks: torch.Tensor, clip: float
) -> torch.Tensor:
    """Cross-entropy to the cheapest action, weighted by how much cheaper it is than the others."""
    least, cheapest = costs.masked_fill(~masks, torch.inf).min(1)
    others = masks.sum(1) - 1
    gaps = (costs.masked_fill(~masks, 0.0).sum(1) - least) / others.clamp(min=1) - least
    return -(gaps * new.gather(1, cheapest.unsqueeze(1)).squeeze(1)).mean()


OBJECTIVES: dict[str, Objective] = {"clipped": clipped, "unclipped": unclipped, "classification": classification}


def improve(policy: SitePolicy, taught: Lesson, settings: Settings, entropy: float, number: int) -> dict[str, float]:
    """Take the actor's steps on one label set; returns what the scalars in branch/ and train/ say of it."""
    actor, objective, clip = policy.actor, OBJECTIVES[settings.objective], settings.branch_clip
    rng = np.random.default_rng([settings.seed, number, ORDER])
    first = _every(actor, taught)
    losses, clips, sizes, done = [], [], [], 0
    while done < settings.refreshes:
        done += 1
        old = _every(actor, taught)
        order = taught.learned[torch.from_numpy(rng.permutation(len(taught.learned)))]
        for rows in order.split(settings.label_rows):
            masks, costs = taught.masks[rows], taught.costs[rows]
            new = logs(actor, taught.observations[rows], masks)
            surprise = -(new.exp() * new.masked_fill(~masks, 0.0)).sum(1).mean()
            loss = objective(new, old[rows], costs, masks, clip)
            policy.optimizer.zero_grad()
            (loss - entropy * surprise).backward()
            sizes.append(float(torch.nn.utils.clip_grad_norm_(actor.parameters(), settings.gradient)))
            policy.optimizer.step()
            losses.append(float(loss.detach()))
            far = ((new.detach() - old[rows])[masks].exp() - 1).abs() > clip
            clips.append(float(far.float().mean()))
        # Forty refreshes at 2e-3 on 512 labels moved a policy by 1.6 and remembered futures: regret rose fifteenfold.
        if divergence(taught, first, _every(actor, taught)) > settings.label_kl:
            break
    last = _every(actor, taught)
    return {
        "train/policy_gradient_loss": float(np.mean(losses)),
        "train/clip_fraction": float(np.mean(clips)),
        "train/gradient_norm": float(np.mean(sizes)),
        "train/refreshes": done,
        **_compared(taught, first, last),
    }


@torch.no_grad()
def _every(actor: SiteScorer, taught: Lesson) -> torch.Tensor:
    """Logarithms of π of all rows."""
    return logs(actor, taught.observations, taught.masks)


@torch.no_grad()
def divergence(taught: Lesson, first: torch.Tensor, last: torch.Tensor) -> float:
    """Mean over all labels of Σ_a π_first log(π_first / π_last), from logarithms (rows, actions)."""
    return float((first.exp() * (first - last)).masked_fill(~taught.masks, 0.0).sum(1).mean())


def _compared(taught: Lesson, first: torch.Tensor, last: torch.Tensor) -> dict[str, float]:
    """What a policy has become, beside what it was."""
    masks, rows = taught.masks, taught.held
    cheapest = _greedy(-taught.dollars.masked_fill(~masks, torch.inf))
    surprise = -(last.exp() * last).masked_fill(~masks, 0.0).sum(1).mean()
    return {
        "train/approx_kl": divergence(taught, first, last),
        "train/entropy_loss": -float(surprise),
        "branch/changed_share": float((first.argmax(1) != last.argmax(1)).float().mean()),
        "branch/train_gain": gain(taught, taught.learned, first.exp(), last.exp()),
        "branch/held_gain": gain(taught, rows, first.exp(), last.exp()),
        "branch/held_gain_greedy": gain(taught, rows, _greedy(first), _greedy(last)),
        "branch/held_headroom": gain(taught, rows, _greedy(first), cheapest),
    }


def _greedy(scores: torch.Tensor) -> torch.Tensor:
    """All probability on the best action."""
    return torch.nn.functional.one_hot(scores.argmax(1), scores.shape[1]).float()


def gain(taught: Lesson, rows: torch.Tensor, before: torch.Tensor, after: torch.Tensor) -> float:
    """$ that an offer costs less under the probabilities `after`, in the mean over offers, sampled or not."""
    weights, costs = taught.weights[rows], taught.dollars[rows]
    saved = ((before[rows] - after[rows]) * costs).sum(1)
    return float((weights * saved).sum() / weights.sum())


def fit_critic(
    policy: SitePolicy, observations: np.ndarray, targets: np.ndarray, settings: Settings, number: int
) -> float:
    """Let the critic learn targets (rows,), scaled, of observations (rows, size); returns the mean squared error."""
    seen, wanted = torch.from_numpy(observations), torch.from_numpy(targets.astype(np.float32))
    rng = np.random.default_rng([settings.seed, number, VALUES])
    losses, critic = [], critic_parameters(policy)
    for _ in range(settings.value_epochs):
        for rows in torch.from_numpy(rng.permutation(len(wanted))).split(settings.label_rows):
            loss = mse_loss(policy.predict_values(seen[rows]).flatten(), wanted[rows])
            policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(critic, settings.gradient)
            policy.optimizer.step()
            losses.append(float(loss.detach()))
    return float(np.mean(losses))


def critic_parameters(policy: SitePolicy) -> list[Any]:
    """All that is the critic's."""
    return list(policy.optimizer.param_groups[1]["params"])


@torch.no_grad()
def values(policy: SitePolicy, observations: np.ndarray) -> np.ndarray:
    """What the critic says of observations (…, size), (…) float64, scaled."""
    flat = torch.from_numpy(np.ascontiguousarray(observations.reshape(-1, observations.shape[-1])))
    found = policy.predict_values(flat).flatten().numpy().astype(np.float64)
    return found.reshape(observations.shape[:-1])
