"""What a training run is made of: every knob with its default, saved as `settings.json` beside the run."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """Knobs of one PPO run. A decision is one step of one episode."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minutes: float = Field(default=3.0, gt=0, description="stop after this wall-clock time")
    decisions: int = Field(default=2**60, gt=0, description="stop after this many decisions, if that comes first")
    seed: int = Field(default=1, ge=0, lt=2**31, description="seed of weights, actions and episodes")
    width: int = Field(default=64, ge=1, le=256, description="width of every hidden layer")
    episodes: int = Field(default=256, ge=1, description="episodes played side by side")
    steps: int = Field(default=128, ge=1, description="decisions of each episode per update")
    minibatch: int = Field(default=16_384, ge=2, description="decisions per gradient step")
    epochs: int = Field(default=2, ge=1, description="passes over the decisions of one update")
    imitated: int = Field(
        default=409_600, ge=0, description="offers labelled by the cost-greedy rule for a warm start; 0: none"
    )
    imitation_epochs: int = Field(default=6, ge=1, description="passes over those labels")
    imitation_noise: float = Field(
        default=0.1, ge=0, le=1, description="share of random answers while they are collected"
    )
    critic_share: float = Field(
        default=0.2, ge=0, lt=1, description="first share of the run in which only the critic learns"
    )
    learning_rate: float = Field(default=3e-5, gt=0, description="Adam's step size for the actor; falls to zero")
    critic_rate: float = Field(default=5e-4, gt=0, description="the same for the critic")
    clip: float = Field(default=0.1, gt=0, description="PPO's bound on the change of an action's probability ratio")
    gamma: float = Field(default=0.9998, gt=0, le=1, description="discount per decision")
    gae: float = Field(default=0.97, ge=0, le=1, description="lambda of generalised advantage estimation")
    entropy: float = Field(
        default=0.0, ge=0, description="weight of the entropy bonus; falls to zero like the learning rate"
    )
    value: float = Field(default=0.5, ge=0, description="weight of the critic's squared error")
    gradient: float = Field(default=0.5, gt=0, description="largest norm of a gradient")
    # On two busy cores two threads were ten times slower than one: they wait for each other.
    threads: int = Field(default=1, ge=1, description="torch threads; another number gives other last bits")
    checkpoint_minutes: float = Field(default=5.0, gt=0, description="time between checkpoints")
    checkpoints: int = Field(default=3, ge=1, description="checkpoints kept")
    evaluate_minutes: float = Field(
        default=1.0, gt=0, description="time between evaluations, where the caller gave one"
    )

    @model_validator(mode="after")
    def _minibatches_are_equal(self) -> Self:
        """A last minibatch of one decision would have no standard deviation."""
        if self.episodes * self.steps % self.minibatch:
            raise ValueError(f"minibatch {self.minibatch} must divide episodes × steps = {self.episodes * self.steps}")
        return self
