"""What an evolution is made of: every knob with its default, saved as `settings.json` beside the run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Knobs of one evolution. The weights follow from these, without SHOWN, the scenarios and the version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["evolution"] = "evolution"
    generations: int = Field(default=60, ge=1, description="how many are played")
    candidates: int = Field(default=16, ge=4, le=1024, description="policies of a generation")
    episodes: int = Field(default=32, ge=1, description="weeks of each scenario that every candidate plays")
    sets: int = Field(default=4, ge=1, le=64, description="of such weeks, which generations take in turn")
    variants: int = Field(
        default=0, ge=0, le=1024, description="random variants of the scenarios in a set; 0: these themselves"
    )
    waits: float = Field(default=1.0, ge=0, le=10, description="how much a longer p95 wait counts beside a higher cost")
    step: float = Field(default=0.3, gt=0, le=2, description="first standard deviation, in steps of the genes")
    seed: int = Field(default=1, ge=0, lt=2**31, description="names the episodes, and what candidates are drawn")
    width: int = Field(default=1, ge=1, le=256, description="of the hidden layers, which evolution leaves alone")
    start: str = Field(
        default="", description="bundle or run to begin from, or several joined by +: their mean; none: cost-greedy"
    )
    reference: str = Field(default="best-tuned", description="policy whose costs and waits candidates are told beside")
    evaluate_episodes: int = Field(default=16, ge=0, description="validation weeks of each scenario; 0: none")
    evaluate_generations: int = Field(default=5, ge=1, description="generations after which the centre plays them")
    clairvoyant_episodes: int = Field(
        default=0, ge=0, description="validation weeks that a clairvoyant plays first, in minutes; 0: none"
    )
    clairvoyant_jobs: int = Field(
        default=20, ge=1, description="jobs of each such week, the largest, whose actions it tries"
    )


# What only says how a run is watched: no weight depends on it.
SHOWN = frozenset({"evaluate_episodes", "evaluate_generations", "clairvoyant_episodes", "clairvoyant_jobs"})
