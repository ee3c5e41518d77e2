"""`tidegate decide`: one decision of a bundle, on an offer that a scenario really makes."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .output import print_facts, print_table
from .progress import waiting


def decide(
    bundle: Annotated[Path, Argument(metavar="BUNDLE", help="Folder of a bundle.")],
    scenario: Annotated[str | None, Option(help="Name or .toml file.  [default: the one it was trained on]")] = None,
    seed: Annotated[int, Option(min=0, help="Names the jobs that arrive.")] = 1,
) -> None:
    """Let a bundle decide where one job runs."""
    with waiting(quiet=False):
        from ...trained.bundle import load
        from .offer import next_offer, scenario_of, timed

        policy = load(bundle)
        world = scenario_of(policy.manifest, scenario)
        offer = next_offer(world, seed)
        action, logits, microseconds = timed(policy, offer)
    print_facts(_facts(policy.manifest, world, offer))
    print()
    names = [*(site.name for site in world.sites), "hold"]
    rows = (
        (name, "yes" if legal else "no", f"{logit:.4f}" if legal else "–", "<" if index == action else "")
        for index, (name, legal, logit) in enumerate(zip(names, offer.mask, logits, strict=True))
    )
    print_table(("action", "legal", "logit", ""), rows)
    print(f"\ndecision: {names[action]}, in {microseconds:,.0f} µs (median)")


def _facts(manifest: Any, world: Any, offer: Any) -> list[tuple[str, object]]:
    """The policy and the job that it is asked about."""
    job, cls = offer.job, world.terms[offer.job.cls]
    return [
        ("policy", f"{manifest.name}, digest {manifest.digest[:16]}"),
        ("scenario", f"{world.name}, day {offer.now / 86_400_000:.2f}"),
        ("job", f"{offer.number}, {cls.name}, offered {offer.attempts + 1}×"),
        ("gang", f"{job.gang:,} accelerators"),
        ("requested walltime", f"{job.requested / 3_600_000:.2f} h"),
    ]
