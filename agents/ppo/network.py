"""The site scorer in torch, and the policy that PPO trains.

The mathematics stands in `fastsim/network.py`; here it is written once more with autograd. One network scores every
site from (job, clock, site, pooled sites), and another scores holding: the same weights fit any number of sites. The
critic has a trunk of its own, so that its large and noisy gradients never reach the actor.
"""

from typing import Any, cast

import numpy as np
import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn
from torch.nn.functional import relu

from ...fastsim.layout import Layout

HIDDEN_GAIN, SCORE_GAIN, VALUE_GAIN = 2**0.5, 0.01, 1.0  # orthogonal initialisation, as in SB3


def orthogonal(inputs: tuple[int, ...], outputs: int, gain: float) -> list[nn.Parameter]:
    """Weights (inputs, outputs) of one layer whose input comes in several parts: orthogonal as a whole, then split."""
    whole = nn.init.orthogonal_(torch.empty(sum(inputs), outputs), gain)
    return [nn.Parameter(part.clone()) for part in whole.split(inputs)]


class SiteEmbedding(nn.Module):
    """A vector for each site, and their mean and maximum."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.common, self.site = layout.job + layout.clock, layout.site
        self.embed_common, self.embed_site = orthogonal((self.common, self.site), width, HIDDEN_GAIN)
        self.embed_bias = nn.Parameter(torch.zeros(width))

    def embed(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(batch, size) → common (batch, common), embedded (batch, sites, width), context (batch, 2 × width)."""
        common = observation[:, : self.common]
        sites = observation[:, self.common :].reshape(len(observation), -1, self.site)
        shared = torch.addmm(self.embed_bias, common, self.embed_common)
        embedded = relu(shared.unsqueeze(1) + sites @ self.embed_site)
        return common, embedded, torch.cat([embedded.mean(1), embedded.amax(1)], 1)


class SiteScorer(SiteEmbedding):
    """The actor: its parameters bear the names and shapes of `weight_shapes`."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__(layout, width)
        self.score_site, self.score_context = orthogonal((width, 2 * width), width, HIDDEN_GAIN)
        self.score_bias = nn.Parameter(torch.zeros(width))
        (self.score_out,) = orthogonal((width,), 1, SCORE_GAIN)
        self.hold_context, self.hold_common = orthogonal((2 * width, self.common), width, HIDDEN_GAIN)
        self.hold_bias = nn.Parameter(torch.zeros(width))
        (self.hold_out,) = orthogonal((width,), 1, SCORE_GAIN)
        self.hold_out_bias = nn.Parameter(torch.zeros(1))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Scores (batch, sites + 1), holding last."""
        common, embedded, context = self.embed(observation)
        shared = torch.addmm(self.score_bias, context, self.score_context)
        sites = relu(embedded @ self.score_site + shared.unsqueeze(1)) @ self.score_out
        hidden = relu(torch.addmm(self.hold_bias, context, self.hold_context) + common @ self.hold_common)
        return torch.cat([sites.squeeze(2), torch.addmm(self.hold_out_bias, hidden, self.hold_out)], 1)

    def weights(self) -> dict[str, np.ndarray]:
        """A float32 copy of every weight, by name."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.named_parameters()}


class SiteCritic(SiteEmbedding):
    """What the critic's last layer sees: relu((context, common) @ value_context + value_bias)."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__(layout, width)
        (self.value_context,) = orthogonal((2 * width + self.common,), width, HIDDEN_GAIN)
        self.value_bias = nn.Parameter(torch.zeros(width))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """(batch, width)."""
        common, _, context = self.embed(observation)
        return relu(torch.addmm(self.value_bias, torch.cat([context, common], 1), self.value_context))


class ActorAndCritic(nn.Module):
    """Both networks behind the four names that SB3 calls: the actor's latent is already the scores."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.actor, self.critic = SiteScorer(layout, width), SiteCritic(layout, width)
        self.latent_dim_pi, self.latent_dim_vf = layout.actions, width

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (batch, actions) and what the value is read from (batch, width)."""
        return self.actor(features), self.critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        """Scores (batch, actions)."""
        return self.actor(features)

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        """What the value is read from, (batch, width)."""
        return self.critic(features)


class SitePolicy(MaskableActorCriticPolicy):
    """The policy of MaskablePPO over `ActorAndCritic`; `layout` and `width` travel in `policy_kwargs`."""

    def __init__(self, *spaces_and_schedule: Any, layout: Layout, width: int, **options: Any) -> None:
        self.layout, self.width = layout, width
        super().__init__(*spaces_and_schedule, **options)

    def _build(self, lr_schedule: Schedule) -> None:
        """SB3's hook: networks, then the optimizer over all of their parameters."""
        self.mlp_extractor = ActorAndCritic(self.layout, self.width)
        self.action_net = nn.Identity()
        self.value_net = nn.Linear(self.width, 1)
        self.init_weights(self.value_net, VALUE_GAIN)
        options: dict[str, Any] = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        critic = [*self.mlp_extractor.critic.parameters(), *self.value_net.parameters()]
        groups = [{"params": list(self.actor.parameters())}, {"params": critic}]
        self.optimizer = self.optimizer_class(groups, **options)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "layout": self.layout, "width": self.width}

    @property
    def actor(self) -> SiteScorer:
        """The part that is exported."""
        return cast("SiteScorer", self.mlp_extractor.actor)
