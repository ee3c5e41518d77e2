"""A warm start: the actor learns to do what a rule does, before PPO tries to do better.

From random weights PPO spends its first hours on what every operator knows (do not hold jobs for ever, committed before
burst). Here the rule labels the offers that a batch meets, a share of whose answers are random so that it sees the
consequences of mistakes too, and the actor fits the labels by cross-entropy.
"""

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch.nn.functional import cross_entropy

from ...envs.routing import RoutingBatch
from ...fastsim.agent import Agent
from .network import SiteScorer
from .settings import Settings
from .stakes import stakes

ILLEGAL = -1e9  # score of an illegal action
ROWS = 1024  # labels a gradient step, or all where there are fewer


def imitate(actor: SiteScorer, batch: RoutingBatch, rule: Agent, settings: Settings) -> float:
    """Fit `actor` to `rule`; returns the share of labels that it then agrees with.

    Collects `settings.imitated` labels from `batch`, whose episodes move on.
    """
    observations, masks, labels = collect(batch, rule, settings)
    weights = torch.from_numpy(stakes(observations.numpy()))
    optimizer = torch.optim.Adam(actor.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(settings.seed)
    batch_rows = min(ROWS, len(labels))
    updates = settings.imitation_epochs * (len(labels) // batch_rows)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    epochs = track(range(settings.imitation_epochs), "warm start", console=Console(stderr=True), transient=True)
    for _ in epochs:
        order = torch.randperm(len(labels), generator=generator)
        for rows in order[: len(labels) // batch_rows * batch_rows].split(batch_rows):
            losses = cross_entropy(scores(actor, observations[rows], masks[rows]), labels[rows], reduction="none")
            loss = (losses * weights[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        agreed = scores(actor, observations, masks).argmax(1) == labels
    return float(agreed.float().mean())


def scores(actor: SiteScorer, observations: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Scores (rows, actions), illegal ones far below."""
    return actor(observations).masked_fill(~masks, ILLEGAL)


def collect(batch: RoutingBatch, rule: Agent, settings: Settings) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Observations (rows, size), masks (rows, actions) and the rule's actions (rows,)."""
    rng = np.random.default_rng([settings.seed, 0x1417A7E])
    steps = -(-settings.imitated // len(batch))
    kept: tuple[list[np.ndarray], ...] = ([], [], [])
    for _ in track(range(steps), "offers for the warm start", console=Console(stderr=True), transient=True):
        actions = batch.worlds.ask(rule)
        for store, array in zip(kept, (batch.observations, batch.masks.view(np.bool_), actions), strict=True):
            store.append(array.copy())
        random = np.argmax(rng.random(batch.masks.shape) * batch.masks, axis=1)
        batch.step(np.where(rng.random(len(batch)) < settings.imitation_noise, random, actions))
    observations, masks, labels = (torch.from_numpy(np.concatenate(store)) for store in kept)
    return observations, masks, labels
