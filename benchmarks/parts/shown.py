"""What evaluations come to, as tables: the docstring of each function stands above its table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from parts.results import table

from tidegate.agents.evaluation.table import end

GENERALIST = "generalist"


def compared(found: list[dict[str, Any]]) -> str:
    """Avoidable cost of every rule, and what it saves against the first, with 95 % intervals; a minus is a loss.

    A star: it stands among all comparisons of its scenario (Holm). What is resampled are stretches of 1 to 8 weeks in a
    row: 256 episodes of `small_team` are 64, 64 of others 8, and intervals of 8 or fewer rest on little.
    """
    rows = []
    for label, one in labelled(found):
        if "error" in one:
            rows.append([label, one["error"], "", "", "", ""])
            continue
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for place, policy in enumerate(one["policies"]):
            saved = savings.get(policy["policy"])
            rows.append(
                [
                    label if place == 0 else "",
                    policy["policy"],
                    f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}",
                    "–" if saved is None else interval(saved),
                    "–" if saved is None else f"{100 * saved['of_total_bill']['saving']:z.1f}",
                    "–" if policy["wait_hours"]["p95"] is None else f"{policy['wait_hours']['p95']:.2f}",
                ]
            )
    head = ["(episodes)", "policy", "avoidable, k$ a week", "saved, % of avoidable", "% of the bill", "wait p95, h"]
    return table(head, rows)


def labelled(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each evaluation with what its first row is called: world or trace, and how many episodes."""
    for one in found:
        label = one["scenario"] if one["trace"] is None else f"{one['trace']}, load {one['load']:g}"
        yield (label if "error" in one else f"{label} ({one['episodes']})"), one


def interval(saved: dict[str, Any]) -> str:
    """Per cent with its interval, and a star where it stands against all comparisons of its evaluation (Holm).

    Ends beyond 999 are not written out: the costs of one policy lie in a few stretches then, and say little.
    """
    if saved["saving"] is None:
        return "–"
    star = " *" if saved["adjusted_p"] is not None and saved["adjusted_p"] < 0.05 else ""
    if saved["low"] is None:
        return f"{100 * saved['saving']:.1f}"
    return f"{100 * saved['saving']:.1f} [{end(saved['low'])}, {end(saved['high'])}]{star}"


def judged(found: list[dict[str, Any]]) -> str:
    """What learned policies save against the best tuned rule, with 95 % intervals; a minus is a loss.

    A star: it stands among all comparisons of its scenario (Holm). What is resampled are stretches of 1 to 8 weeks in a
    row. Policies bear the names of what they were learned on; `generalist` was taught by several. The last
    column is the 95th percentile of waits beside that of the rule.
    """
    rows = []
    for label, one in labelled(found):
        if "error" in one:
            rows.append([label, one["error"], "", "", "", ""])
            continue
        first, *others = one["policies"]
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for place, policy in enumerate(others):
            saved = savings[policy["policy"]]
            rows.append(
                [
                    label if place == 0 else "",
                    f"{first['policy']}: {first['avoidable_cost']['mean'] / 1000:z,.1f}" if place == 0 else "",
                    policy["policy"],
                    f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}",
                    interval(saved),
                    longer(policy, first),
                ]
            )
    head = ["(episodes)", "best rule, k$ a week", "learned", "k$ a week", "saved, % of avoidable", "wait p95, %"]
    return table(head, rows)


def general(found: list[dict[str, Any]], taught: Sequence[str]) -> str:
    """What `generalist` alone saves in every scenario, for the README: those that it was taught in, then the others."""
    rows = []
    for label, one in sorted(labelled(found), key=lambda pair: pair[1]["scenario"] not in taught):
        where = "yes" if one["scenario"] in taught else ""
        if "error" in one:
            rows.append([label, where, one["error"], ""])
            continue
        policy = next(policy for policy in one["policies"] if policy["policy"] == GENERALIST)
        saved = next(comparison for comparison in one["comparisons"] if comparison["policy"] == GENERALIST)
        rows.append([label, where, interval(saved), longer(policy, one["policies"][0])])
    return table(["(episodes)", "taught in it", "saved, % of avoidable", "wait p95, %"], rows)


def gaps(found: list[dict[str, Any]]) -> str:
    """How much cheaper than the best rule the clairvoyant is, and the bound: % of its avoidable cost per episode.

    The clairvoyant tries every action for the 30 largest jobs of a week in the true future, and follows the rule for
    all others: what foresight reaches at least. Of `recall_notice`, whose windows are 90 days long, it is the week from
    day 95 on, in which the machines go. ≥ and ≤: in an episode or more the solver came to its limit, 300 s.
    """
    rows = []
    for one in found:
        base = one["policy_means"][one["base"]]
        below = [f"{100 * (1 - one[name] / base):.1f}" if base else "–" for name in ("clairvoyant_mean", "bound_mean")]
        seconds = one["solver_seconds"]
        costs = [f"{value / 1000:,.1f}" for value in (base, one["clairvoyant_mean"], one["bound_mean"])]
        if not all(one["is_solved"]):  # of some episodes no bound is known but 0
            costs[2], below[1] = f"≥ {costs[2]}", f"≤ {below[1]}"
        rows.append([one["scenario"], one["base"], str(one["episodes"]), *costs, *below, f"{max(seconds):.0f}"])
    head = [
        "scenario",
        "policy",
        "episodes",
        "its cost, k$",
        "clairvoyant",
        "bound",
        "clairvoyant, % below",
        "bound, % below",
    ]
    return table([*head, "longest solve, s"], rows)


def closed(found: list[dict[str, Any]]) -> str:
    """How far learned policies come from the best tuned rule to a clairvoyant, and to what nobody can undercut.

    On the same few episodes as headroom.md, from which the rule's, the clairvoyant's and the bound's costs are. 100 %:
    as cheap as the clairvoyant, who betters the rule's choices for the largest jobs only, so that a policy may pass it.
    """
    rows = []
    for one in found:
        rule, others = one["policy_means"][one["base"]], (one["clairvoyant_mean"], one["bound_mean"])
        for place, (name, cost) in enumerate(one["learned"].items()):
            label = f"{one['scenario']} ({one['episodes']})" if place == 0 else ""
            below = f"{100 * (1 - others[0] / rule):.1f}" if place == 0 else ""
            shares = [f"{100 * (rule - cost) / (rule - other):.0f}" for other in others]
            rows.append([label, below, name, f"{100 * (1 - cost / rule):.1f}", *shares])
    head = ["(episodes)", "clairvoyant, % below the rule", "learned", "% below the rule"]
    return table([*head, "of the gap to the clairvoyant, %", "of that to the bound, %"], rows)


def replayed(found: list[dict[str, Any]]) -> str:
    """Avoidable cost of every rule on recorded traces in `mid_lab`'s world, and what it saves against the first.

    With 95 % intervals; a minus is a loss. The world is several times as large as what was recorded, so that a load is
    made of up to 33 copies of a trace, turned by whole weeks: weeks share jobs, and the intervals show less than
    another recording would change.
    """
    return compared(found)


def hourly(found: list[dict[str, Any]]) -> str:
    """What the rolling LP, and cost-greedy with default knobs, save against the best tuned rule; a minus is a loss."""
    return compared(found)


def picked(found: list[dict[str, Any]]) -> str:
    """What `--policy chosen` saves against the best tuned rule, with 95 % intervals; a minus is a loss.

    Each scenario plays what `tidegate choose` chose for it, which is the rule itself where nothing was proved better.
    The episodes are those of learned.md, on which nobody has raced. The last column is the 95th percentile of waits
    beside that of the rule.
    """
    return _choices(found)


def picked_on_traces(found: list[dict[str, Any]]) -> str:
    """What was chosen on the first days of recorded traces, in `mid_lab`'s world, saves on the others.

    Against the rule that was tuned best for `mid_lab`, with 95 % intervals. July of Helios is judged with what was
    chosen on April to June. Where the first days hold fewer than four weeks nothing can be proved, and the rule stays.
    """
    return _choices(found)


def _choices(found: list[dict[str, Any]]) -> str:
    rows = []
    for label, one in labelled(found):
        if "error" in one:
            rows.append([label, one["error"], "", "", "", ""])
            continue
        first, policy = one["policies"]
        cells = [f"{first['policy']}: {first['avoidable_cost']['mean'] / 1000:z,.1f}", one["choice"]]
        cost = f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}"
        rows.append([label, *cells, cost, interval(one["comparisons"][0]), longer(policy, first)])
    head = ["(episodes)", "best rule, k$ a week", "chosen", "k$ a week", "saved, % of avoidable", "wait p95, %"]
    return table(head, rows)


def untuned(found: list[dict[str, Any]]) -> str:
    """What can be had in a scenario without tuning or learning for it, beside the best rule that was tuned for it.

    Savings with 95 % intervals; a minus is a loss. *Best rule of others*: `tidegate choose` among the rules tuned for
    other scenarios. *Chosen among others*: the same with the policies learned elsewhere, and without longer waits than
    those of cost-greedy with its default knobs. `generalist` is played as it is; it was taught in
    `small_team`, `mid_lab`, `three_providers`, `pretrain_blocker`, the flagship, its plans and its faithful variants,
    and in no other.
    """
    rows = []
    for label, one in labelled(found):
        first, *others = one["policies"]
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for place, policy in enumerate(others):
            name = policy["policy"]
            played = one["choices"].get(name)
            told = name if played is None else f"{name}: {played}"
            own = f"{first['policy']}: {first['avoidable_cost']['mean'] / 1000:z,.1f}" if place == 0 else ""
            cost = f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}"
            rows.append([label if place == 0 else "", own, told, cost, interval(savings[name]), longer(policy, first)])
    head = ["(episodes)", "its own best rule, k$ a week", "policy", "k$ a week", "saved, % of avoidable", "wait p95, %"]
    return table(head, rows)


def seeded(found: list[dict[str, Any]]) -> str:
    """What policies of several training seeds save against the best tuned rule, with 95 % intervals.

    `make seeds` learns them: the last stage of the recipe, which all begin with the same weights. First stands the
    interquartile mean over the seeds, whose interval is of stretches and seeds, then each seed, whose own is of
    stretches alone. A minus is a loss; the last column is the 95th percentile of waits beside that of the rule.
    """
    rows = []
    for label, one in labelled(found):
        first, *others = one["policies"]
        own = f"{first['policy']}: {first['avoidable_cost']['mean'] / 1000:z,.1f}"
        (group,) = one["training_seeds"]
        rows.append([label, own, f"{Path(group['policy']).name}, {len(group['seeds'])} seeds", "", interval(group), ""])
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for policy in others:
            seed = f"seed {Path(policy['policy']).parent.name}"
            cost = f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}"
            rows.append(["", "", seed, cost, interval(savings[policy["policy"]]), longer(policy, first)])
    head = ["(episodes)", "best rule, k$ a week", "learned", "k$ a week", "saved, % of avoidable", "wait p95, %"]
    return table(head, rows)


def longer(policy: dict[str, Any], first: dict[str, Any]) -> str:
    """By how many per cent the 95th percentile of waits is longer."""
    waits = [one["wait_hours"]["p95"] for one in (policy, first)]
    return "–" if None in waits or not waits[1] else f"{100 * (waits[0] / waits[1] - 1):+.0f}"
