"""A weighted sum in place of a network: how much of a learned policy is no more than that.

    score_s = site_s · site                         for each site
    hold    = [job | clock] · common + bias

A conditional logit (McFadden, 1974): softmax over the legal actions, fitted by Newton's method to what the policy
answers, each offer weighted by what is at stake. In the score of a site there are no features of job and clock: added
to all sites alike, they could only tell sites from holding, which the score of holding does already.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...fastsim.agent import Agent
from ...fastsim.network import HEADER, pack, weight_shapes
from ..ppo.stakes import stakes
from .offers import Offers

RIDGE = 1e-5  # of a squared weight beside the mean loss: without it, what answers like a weighted sum would have no end
STEPS, TOLERANCE = 50, 1e-9  # of Newton's method: at most, and the gain of the mean loss below which it ends
HALVINGS = 20  # of a step that gains nothing
# Of a product of matrices at a time. BLAS leaves so few to one thread: two, on busy cores, waited for each other and
# took fifty times as long. Larger sums are einsum's, so that the number of threads does not decide their last bits.
ROWS = 48


class Agreement(NamedTuple):
    """How often a score answers as a policy does, of the offers that leave a choice."""

    alike: float
    frequent: float  # what one would have by always giving the policy's most frequent answer


class Linear(NamedTuple):
    """Weights of a linear score."""

    site: np.ndarray  # (site features,) float64
    common: np.ndarray  # (job and clock features,) float64
    bias: float  # of holding

    def scores(self, offers: Offers) -> np.ndarray:
        """Scores (offers, actions) float64; −inf where not legal."""
        common, count = self.common.size, len(offers.actions)
        sites = offers.observations[:, common:].reshape(count, -1, self.site.size) @ self.site
        hold = offers.observations[:, :common] @ self.common + self.bias
        return np.where(offers.masks, np.column_stack([sites, hold]), -np.inf)

    def agreement(self, offers: Offers) -> Agreement | None:
        """With the answers of these offers; None where none leaves a choice."""
        offers = offers.where(offers.masks.sum(1) > 1)
        if len(offers.actions) == 0:
            return None
        alike = self.scores(offers).argmax(1) == offers.actions
        return Agreement(float(alike.mean()), float(np.bincount(offers.actions).max()) / len(alike))


def fitted(offers: Offers, common: int, site: int) -> Linear:
    """The linear score that answers most like the policy whose offers these are.

    `common` and `site`: how many features job and clock have, and each site.
    """
    offers = offers.where(offers.masks.sum(1) > 1)
    features = _features(offers, common, site)
    weights = stakes(offers.observations).astype(np.float64) if len(offers.actions) else np.zeros(0)
    weights /= max(weights.sum(), 1.0)
    theta = np.zeros(features.shape[2])
    loss = _loss(theta, features, offers, weights)
    for _ in range(STEPS):
        step = _newton(theta, features, offers, weights)
        for halving in range(HALVINGS):
            following = theta - step / (1 << halving)
            reached = _loss(following, features, offers, weights)
            if reached <= loss:
                break
        else:
            break
        gain, theta, loss = loss - reached, following, reached
        if gain < TOLERANCE:
            break
    return Linear(theta[:site], theta[site:-1], float(theta[-1]))


def linear(agent: Agent, score: Linear) -> Agent:
    """The score as an agent: a network of width 2 carries relu(z) and relu(−z) of a sum z, whose difference is z."""
    job, clock, site, _ = (int(knob) for knob in agent.knobs[:HEADER])
    shapes = weight_shapes(job, clock, site, 2)
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    both = np.array([1, -1], np.float32)
    weights["embed_site"][:] = np.outer(score.site, both)
    weights["score_site"][:] = np.outer(both, both)
    weights["score_out"][:, 0] = both
    weights["hold_common"][:] = np.outer(score.common, both)
    weights["hold_bias"][:] = score.bias * both
    weights["hold_out"][:, 0] = both
    return replace(agent, name=f"{agent.name}, linear", knobs=pack(weights, job, clock, site, 2))


def _features(offers: Offers, common: int, site: int) -> np.ndarray:
    """What each weight is multiplied with in the score of each action, (offers, actions, site + common + 1) float64."""
    count, actions = offers.masks.shape
    features = np.zeros((count, actions, site + common + 1))
    features[:, :-1, :site] = offers.observations[:, common:].reshape(count, actions - 1, site)
    features[:, -1, site:-1] = offers.observations[:, :common]
    features[:, -1, -1] = 1
    return features


def _logits(theta: np.ndarray, features: np.ndarray, offers: Offers) -> np.ndarray:
    """Logarithms of the chances (offers, actions); −inf where not legal."""
    scores = np.where(offers.masks, np.einsum("naf,f->na", features, theta), -np.inf)
    scores -= scores.max(1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def _loss(theta: np.ndarray, features: np.ndarray, offers: Offers, weights: np.ndarray) -> float:
    """Weighted mean of −log of the chance of what was answered, and the ridge."""
    chosen = np.take_along_axis(_logits(theta, features, offers), offers.actions[:, None], 1)[:, 0]
    return float(RIDGE / 2 * theta @ theta - (weights * chosen).sum())


def _newton(theta: np.ndarray, features: np.ndarray, offers: Offers, weights: np.ndarray) -> np.ndarray:
    """The inverse of the loss's second derivatives times the first."""
    chances = np.exp(_logits(theta, features, offers))
    mean = np.einsum("na,naf->nf", chances, features)
    answered = np.take_along_axis(features, offers.actions[:, None, None], 1)[:, 0]
    slope = np.einsum("n,nf->f", weights, mean - answered) + RIDGE * theta
    flat = features.reshape(-1, theta.size)
    curve = _product(flat, flat * (weights[:, None] * chances).reshape(-1, 1)) - _product(mean, mean * weights[:, None])
    return np.linalg.solve(curve + RIDGE * np.eye(theta.size), slope)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """leftᵀ @ right, (features, features), of two (rows, features)."""
    total = np.zeros((left.shape[1], right.shape[1]))
    for row in range(0, len(left), ROWS):
        total += left[row : row + ROWS].T @ right[row : row + ROWS]
    return total
