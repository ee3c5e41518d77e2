"""The warm start: an actor learns to do what a rule does."""

import numpy as np
import torch

from tidegate.agents.ppo.imitate import collect, imitate
from tidegate.agents.ppo.network import SiteScorer
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.rules import cost_greedy, first_fit
from tidegate.envs.routing import RoutingBatch

from .test_envs import short

SETTINGS = Settings(imitated=8192, imitation_epochs=16, imitation_noise=0.2)


def test_an_actor_learns_what_a_rule_does():
    """It leaves out a third, at least, of the mistakes of always giving the most frequent answer."""
    batch = RoutingBatch(short(), 64, seed=1)
    batch.reset()
    _, _, labels = collect(batch, first_fit.agent(), SETTINGS)
    most_frequent = float(labels.bincount().max()) / len(labels)
    torch.manual_seed(0)
    actor = SiteScorer(batch.layout, 32)
    assert imitate(actor, batch, first_fit.agent(), SETTINGS) > 1 - (1 - most_frequent) * 2 / 3


def test_labels_are_the_rules_own_actions_and_legal():
    batch = RoutingBatch(short(), 16, seed=2)
    batch.reset()
    before = batch.worlds.ask(cost_greedy.agent())
    observations, masks, labels = collect(batch, cost_greedy.agent(), Settings(imitated=320))
    assert observations.shape == (320, batch.layout.size)
    np.testing.assert_array_equal(labels[:16].numpy(), before)
    assert masks[torch.arange(320), labels].all()
