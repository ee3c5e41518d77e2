"""sbx's PPO (JAX) on the site scorer, in a process of its own: `PYTHON benchmarks/parts/sbx_ppo.py EPISODES STEPS …`.

It needs sbx-rl and its own JAX, not Tidegate's trainer. Prints one line of JSON when it is ready, and one after each
line that it reads: CPU seconds of one collection, and of the gradient phase. sbx has no masks: where an action is
illegal, the environment holds instead, and the network learns from what it asked for.
"""

# pyright: reportMissingImports=false

import json
import os
import sys
import time
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"  # before JAX is imported, as the others
os.environ["OMP_NUM_THREADS"] = os.environ["TIDEGATE_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[3]))  # a clone called tidegate, where it is not installed

import jax.numpy as jnp
import numpy as np
import tensorflow_probability.substrates.jax as tfp
from flax import linen
from sbx import PPO
from sbx.ppo.policies import Actor, Critic
from stable_baselines3.common.logger import Logger

from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.fastsim.layout import Layout
from tidegate.fastsim.network import FAVOUR, HEADS, HOLDING, LEAST, LIMIT, PATIENCE
from tidegate.fastsim.weighing import COMMITTED, HOUR, MAKES_WAY, PARTS, STARTING, WAITING

FIRST_BIAS = {"committed": -4.0, "holding": 1.5}  # as in agents/ppo/network.py, which needs torch's policies
SHARPNESS = 2.0


def taken_apart(seen: jnp.ndarray, layout: Layout) -> tuple[jnp.ndarray, jnp.ndarray]:
    """(batch, size) → common (batch, common), own (batch, sites, site)."""
    seen = seen.reshape(-1, layout.size)
    common = layout.job + layout.clock
    return seen[:, :common], seen[:, common:].reshape(len(seen), layout.sites, layout.site)


def embedded(common: jnp.ndarray, own: jnp.ndarray, width: int) -> tuple[jnp.ndarray, jnp.ndarray]:
    """A vector for each site, and their mean and maximum side by side."""
    each = linen.relu(linen.Dense(width)(common)[:, None] + linen.Dense(width, use_bias=False)(own))
    return each, jnp.concatenate([each.mean(1), each.max(1)], 1)


def actor_of(layout: Layout, width: int) -> type[Actor]:
    """The actor of fastsim/network.py as sbx wants it: a class."""

    class SiteActor(Actor):
        @linen.compact
        def __call__(self, x: jnp.ndarray) -> tfp.distributions.Distribution:
            common, own = taken_apart(x, layout)
            each, context = embedded(common, own, width)
            hidden = linen.Dense(width, use_bias=False)(each) + linen.Dense(width)(context)[:, None]
            sites = linen.Dense(1, use_bias=False)(linen.relu(hidden))[..., 0]
            held = linen.relu(linen.Dense(width)(jnp.concatenate([context, common], 1)))
            scores = jnp.concatenate([sites, linen.Dense(1)(held)], 1)
            return tfp.distributions.Categorical(logits=scores + self.weighed(common, own))

        def weighed(self, common: jnp.ndarray, own: jnp.ndarray) -> jnp.ndarray:
            shape, zeros = (len(HEADS),), linen.initializers.zeros
            bias = self.param("weigh_bias", lambda *_: jnp.array([FIRST_BIAS.get(head, 0.0) for head in HEADS]))
            sharpness = self.param("sharpness", lambda *_: jnp.full(1, SHARPNESS))
            by_common = linen.Dense(*shape, use_bias=False, kernel_init=zeros)(common)
            by_own = linen.Dense(*shape, use_bias=False, kernel_init=zeros)(own)
            heads = jnp.clip(by_common[:, None] + by_own + bias, -LIMIT, LIMIT)
            parts = linen.relu(own[..., -PARTS:])
            counts, wait = jnp.exp(heads), parts[..., WAITING]
            money = (counts[..., : COMMITTED + 1] * parts[..., : COMMITTED + 1]).sum(2)
            cost = money + counts[..., WAITING] * wait * (1 - parts[..., MAKES_WAY])
            cost += (counts[..., STARTING:MAKES_WAY] * parts[..., STARTING:MAKES_WAY]).sum(2)
            delay = wait + parts[..., STARTING] + PATIENCE * parts[..., HOUR]
            calm = (money + counts[..., HOLDING] * delay).min(1, keepdims=True)
            found = [heads[..., FAVOUR] - jnp.log(cost + LEAST), -jnp.log(calm + LEAST)]
            return sharpness * jnp.concatenate(found, 1)

    return SiteActor


def critic_of(layout: Layout, width: int) -> type[Critic]:
    """The critic in the same way."""

    class SiteCritic(Critic):
        @linen.compact
        def __call__(self, x: jnp.ndarray) -> jnp.ndarray:
            common, own = taken_apart(x, layout)
            _, context = embedded(common, own, width)
            return linen.Dense(1)(linen.relu(linen.Dense(width)(jnp.concatenate([context, common], 1))))

    return SiteCritic


def main(scenario: str, episodes: int, steps: int, minibatch: int, epochs: int, width: int) -> None:
    envs = RoutingVecEnv(scenario, episodes, seed=1)
    classes = {"actor_class": actor_of(envs.layout, width), "critic_class": critic_of(envs.layout, width)}
    sizes = {"n_steps": steps, "batch_size": minibatch, "n_epochs": epochs}
    model = PPO("MlpPolicy", envs, 3e-5, gamma=0.9998, gae_lambda=0.97, clip_range=0.1, policy_kwargs=classes, **sizes)
    model.set_logger(Logger(None, []))
    _, callback = model._setup_learn(2**60)
    update(model, envs, callback)  # compiles
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        print(json.dumps(update(model, envs, callback)), flush=True)


def update(model: PPO, envs: RoutingVecEnv, callback: object) -> tuple[float, float]:
    """CPU seconds of a collection and of the gradient phase."""
    began = time.process_time()
    model.collect_rollouts(envs, callback, model.rollout_buffer, model.n_steps)
    collected = time.process_time()
    model.train()
    assert np.isfinite(model.rollout_buffer.advantages).all()
    return collected - began, time.process_time() - collected


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
