"""The bill of a point of a plan as a FOCUS export: an episode of its own, from empty sites on."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from ...fastsim.errors import InputError

MOST_ROWS = 1 << 20  # that a spreadsheet holds, with its head


@dataclass(frozen=True)
class Billed:
    """Whose bill, and of how many days."""

    scenario: Any
    where: str
    setting: Any  # None: that of the chosen point
    policy: str | None
    days: int

    def written(self, chosen: Any, policy: str, seed: int, suffix: str, progress: Callable[[float], Any]) -> bytes:
        """The file; `chosen` and `policy` are the plan's answer. Raises InputError for more rows than a sheet holds."""
        from ..evaluation.policies import resolve
        from ..focus.write import exported
        from ..plan.levels import at, plain
        from . import episode

        setting = self.setting or chosen
        name = self.policy or policy
        burst = "with" if setting.burst else "without"
        title = f"{self.scenario.title}; commitment × {plain(setting.level)}, {burst} burst, {name}"
        world = at(self.scenario, setting).model_copy(update={"title": title})
        played = episode.played(world, resolve(name, self.scenario, self.where), seed, self.days, progress)
        content = exported(world, played, suffix)
        if suffix == ".csv" and (rows := content.count(b"\n")) > MOST_ROWS:
            reason, remedy = f"are more than the {MOST_ROWS} of a spreadsheet", "give fewer --focus-days, or .parquet"
            raise InputError("--focus", "rows", rows, reason, remedy)
        return content


def bill_of(scenario: Any, where: str, point: str | None, days: int | None) -> Billed:
    """What `--point` and `--focus-days` ask for. Raises InputError for a point or a policy that there is not."""
    from ..evaluation.policies import resolve
    from ..plan.levels import Setting, bursts_of, levels_of

    spans = scenario.episodes
    period = ceil(scenario.rules.billing_period_days)
    length = min(spans.span_days, days or max(spans.horizon_days, period))
    if point is None:
        return Billed(scenario, where, None, None, length)
    level, burst, *policy = [part.strip() for part in point.split(",", 2)] if "," in point else (point, "")
    if burst not in ("on", "off"):
        reason, remedy = "is not LEVEL,on or LEVEL,off, and ,POLICY", "write for example 0.9,on or 0.9,off,first-fit"
        raise InputError("--point", "point", point, reason, remedy)
    setting = Setting(levels_of(level)[0], bursts_of(burst)[0])
    if policy:
        resolve(policy[0], scenario, where)  # refuses
    return Billed(scenario, where, setting, policy[0] if policy else None, length)
