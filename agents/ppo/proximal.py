"""PPO's gradient phase: several passes over the decisions of one collection, in minibatches.

Of a decision with the action a, the return R, and the advantage Â, in standard deviations of its minibatch about its
mean:

    r         = π(a|s) / π_old(a|s)
    objective = mean of min(r Â, clip(r, 1 − ε, 1 + ε) Â) + entropy weight × mean entropy of π(·|s)
                − value weight × mean of (R − V(s))²

(Schulman et al., 2017, as in MaskablePPO.) A large minibatch is taken in chunks whose gradients are summed; the step is
that of the whole.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch

from .network import SitePolicy
from .rollouts import Rollouts

# Decisions whose gradient is taken at once; a larger minibatch in one would take memory for nothing. Half of it took up
# to 5 % longer, an eighth a quarter: torch and its bfloat16 products take up to 2 ms a chunk, whatever its size.
CHUNK = 16_384
SCALARS = ("policy_gradient_loss", "entropy_loss", "value_loss", "approx_kl", "clip_fraction")
DIVERGENCE = SCALARS.index("approx_kl")


@dataclass(frozen=True)
class Terms:
    """What the objective is made of, and how its gradient is taken."""

    clip: float  # ε
    entropy: float  # weight
    value: float  # weight
    gradient: float  # largest norm
    precision: torch.dtype  # of hidden layers

    def loss(self, scalars: torch.Tensor) -> torch.Tensor:
        """What is minimised, from SCALARS."""
        return scalars[0] + self.entropy * scalars[1] + self.value * scalars[2]


class Decisions(NamedTuple):
    """Decisions in any order, a row each."""

    observations: torch.Tensor  # (rows, size)
    masks: torch.Tensor  # (rows, actions) bool
    actions: torch.Tensor  # (rows,)
    log_probs: torch.Tensor  # (rows,): log π_old(a|s)
    advantages: torch.Tensor  # (rows,)
    returns: torch.Tensor  # (rows,)

    @classmethod
    def of(cls, rollouts: Rollouts) -> Self:
        """All that were collected; nothing is copied."""
        found = rollouts.observations, rollouts.action_masks, rollouts.actions.squeeze(2), rollouts.log_probs
        arrays = *found, rollouts.advantages, rollouts.returns
        return cls(*(torch.from_numpy(array.reshape(-1, *array.shape[2:])) for array in arrays))

    def at(self, rows: torch.Tensor) -> Self:
        """Copies of these rows; indexing with brackets takes four times as long."""
        return type(self)(*(array.index_select(0, rows) for array in self))


def learn(policy: SitePolicy, decisions: Decisions, epochs: int, minibatch: int, terms: Terms) -> dict[str, float]:
    """Take the steps of `epochs` passes; returns what the scalars in train/ say of them."""
    told = []
    for _ in range(epochs):
        order = torch.randperm(len(decisions.actions))
        told.append([take_step(policy, decisions, rows, terms) for rows in order.split(minibatch)])
    last = told[-1]
    means = dict(zip(SCALARS, np.mean(told, (0, 1)).tolist(), strict=True))
    divergence = float(np.mean(last, 0)[DIVERGENCE])  # of the last pass alone, as MaskablePPO tells it
    return {**means, "approx_kl": divergence, "loss": float(terms.loss(torch.from_numpy(last[-1])))}


def take_step(policy: SitePolicy, decisions: Decisions, rows: torch.Tensor, terms: Terms) -> np.ndarray:
    """Take the step of one minibatch; returns SCALARS of it, as they were before."""
    policy.optimizer.zero_grad()
    scalars = add_gradient(policy, decisions, rows, terms)
    torch.nn.utils.clip_grad_norm_(policy.parameters(), terms.gradient)
    policy.optimizer.step()
    return scalars.numpy()


def add_gradient(policy: SitePolicy, decisions: Decisions, rows: torch.Tensor, terms: Terms) -> torch.Tensor:
    """Add the loss's gradient over `rows` to that of the weights, chunk by chunk; returns SCALARS, (5,) float32."""
    advantages = decisions.advantages[rows]
    scaled = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    total = torch.zeros(len(SCALARS))
    for chunk, scale in zip(rows.split(CHUNK), scaled.split(CHUNK), strict=True):
        part = sums(policy, decisions.at(chunk)._replace(advantages=scale), terms) / len(rows)
        terms.loss(part).backward()
        total += part.detach()
    return total


def sums(policy: SitePolicy, taken: Decisions, terms: Terms) -> torch.Tensor:
    """SCALARS, summed over decisions whose advantages are scaled; the first three have gradients."""
    logs, values = policy.judged(taken.observations, taken.masks, terms.precision)
    change = logs.gather(0, taken.actions.unsqueeze(0)).squeeze(0) - taken.log_probs
    ratio = change.exp()
    bounded = ratio.clamp(1 - terms.clip, 1 + terms.clip)
    gain = torch.min(ratio * taken.advantages, bounded * taken.advantages).sum()
    surprise = (logs.exp() * logs).sum()
    error = (taken.returns - values).square().sum()
    with torch.no_grad():
        divergence = (ratio - 1 - change).sum()  # Schulman's estimate of low variance
        clipped = ((ratio - 1).abs() > terms.clip).sum()
    return torch.stack([-gain, surprise, error, divergence, clipped])
