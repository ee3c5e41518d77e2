"""The explanation as text: the sentence, the job, and tables of what is known, weighed and played."""

import shutil
from collections.abc import Callable
from typing import Any

from ..verbs.output import WIDTH, print_facts, print_table
from .job import words
from .sentence import duration, money

DASH = "–"
STEPS = 2  # of a site's capacity that are told; --json has all
NAMED = 6  # jobs that would make way; --json has all
TAKEN = " <"
GAP = 3  # columns of text between two of a table
CLEAR = 3  # standard errors: effects on others have long tails
FEW = 5  # futures: the standard error of fewer says little itself
Reading = Callable[[dict[str, Any]], float | None]
# What is known of an action: name, how it is read, and whether it is known of what is not legal, too.
KNOWN: tuple[tuple[str, Reading, bool], ...] = (
    ("estimated wait, h", lambda one: one.get("wait_hours"), False),
    ("delay cost of it, $", lambda one: one["costs"].get("waiting"), False),
    ("expected start-up, h", lambda one: one.get("start_up_hours"), False),
    ("delay cost of that, $", lambda one: one["costs"].get("starting"), False),
    ("chance of a grant", lambda one: one.get("grant_chance"), False),
    ("price, $/h", lambda one: one.get("price"), True),
    ("marginal price, $/h", lambda one: one.get("marginal_price"), True),
    ("cost at the margin, $", lambda one: one["costs"].get("metered"), False),
    ("of it egress, $", lambda one: one.get("egress"), False),
    ("list price of that use, $", lambda one: one["costs"].get("committed"), False),
    ("set-up, h", lambda one: one.get("set_up_hours"), False),
    ("of it staging, h", lambda one: one.get("staging_hours"), False),
    ("runs that would make way", lambda one: len((one.get("makes_way") or {"jobs": ()})["jobs"]) or None, False),
    ("what they would lose, $", lambda one: one["costs"].get("evicting") if one.get("makes_way") else None, False),
    ("accelerators for it", lambda one: one.get("accelerators"), False),
    ("free accelerators", lambda one: one["capacity"] - one["occupied"] if "capacity" in one else None, True),
    ("queued before it", lambda one: one.get("queued_before_it"), False),
    ("commitment left, $", lambda one: (one.get("commitment") or {}).get("left"), True),
    ("drawn of the floor so far", lambda one: _ratio(one.get("commitment"), "drawn", "floor_so_far"), True),
    ("budget left, $", lambda one: (one.get("budget") or {}).get("left"), True),
    ("offered again in, h", lambda one: one.get("offered_again_in_hours"), False),
    ("may be held for, h", lambda one: one.get("may_hold_for_hours"), False),
)
# What goes without saying where it holds of all actions; --json has it.
SILENT = {
    "expected start-up, h": "0.00",
    "delay cost of that, $": "0.00",
    "chance of a grant": "1.00",
    "of it egress, $": "0.00",
    "list price of that use, $": "0.00",
    "set-up, h": "0.00",
    "of it staging, h": "0.00",
}
COUNTED = ("metered", "committed", "waiting", "starting", "evicting", "holding")


def shown(told: dict[str, Any]) -> None:
    """Print an explanation (answer.py)."""
    print(told["sentence"])
    print()
    print_facts(
        [
            ("scenario", f"{told['scenario']}, day {told['day']:.2f}, seed {told['seed']}"),
            ("policy", told["policy"]),
            *(("note", note) for note in told["notes"]),
            *words(told["job"]),
            *(("not legal", f"{one['action']}: {one['why_not']}") for one in told["actions"] if "why_not" in one),
            *(("announced", line) for line in _announced(told)),
            *(("would make way", line) for line in _victims(told)),
        ]
    )
    print()
    _known(told)
    if told["scores"] is not None:
        _scores(told)
        print()
    _branches(told)


def _announced(told: dict[str, Any]) -> list[str]:
    """The next steps of every site's capacity that are known."""
    return [
        f"{one['action']}: {step['capacity']:,} accelerators in {duration(step['in_hours'])}"
        for one in told["actions"]
        for step in one.get("announced", ())[:STEPS]
    ]


def _victims(told: dict[str, Any]) -> list[str]:
    """Which runs, site by site."""
    lines = []
    for one in told["actions"]:
        if way := one.get("makes_way"):
            jobs = ", ".join(str(job) for job in way["jobs"][:NAMED]) + (" …" if len(way["jobs"]) > NAMED else "")
            lines.append(f"{one['action']}: {jobs}; {way['lost_accelerator_hours']:,.1f} accelerator-hours of work")
    return lines


def _known(told: dict[str, Any]) -> None:
    """A column for each action, a row for each thing that is known of any."""
    actions, rows = told["actions"], []
    for name, reading, is_general in KNOWN:
        cells = [_number(reading(one)) if one["is_legal"] or is_general else DASH for one in actions]
        if not set(cells) <= {DASH, SILENT.get(name, DASH)}:
            rows.append((name, *cells))
    _wide(("what a router knows", *map(_marked, actions)), rows)


def _wide(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table with a column for each action; as many below each other as the width needs."""
    columns = list(zip(head, *rows, strict=True))
    for group in _groups(columns):
        top, *body = zip(columns[0], *group, strict=True)
        print_table(top, body)
        print()


def _marked(action: dict[str, Any]) -> str:
    return action["action"] + TAKEN * action["is_taken"]


def _groups(columns: list[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """The columns but the first, in groups that fit beside it where the text is shown."""
    widths = [max(map(len, column)) + GAP for column in columns]
    room, groups, used = shutil.get_terminal_size((WIDTH, 24)).columns - widths[0], [[]], 0
    for column, width in zip(columns[1:], widths[1:], strict=True):
        if groups[-1] and used + width > room:
            groups.append([])
            used = 0
        groups[-1].append(column)
        used += width
    return groups


def _scores(told: dict[str, Any]) -> None:
    """What the policy counts, part by part, and what a dollar of each part counts."""
    scores, decision = told["scores"], told["decision"]
    parts = [part for part in COUNTED if any(one["counted"].get(part) for one in scores)]
    rows = [(f"{part}, counted $", *(_number(one["counted"].get(part)) for one in scores)) for part in parts]
    rows.append(("sum, counted $", *(_number(sum(one["counted"].values())) for one in scores)))
    rows += [
        (f"a dollar of {part} counts", *(_factor(one["a_dollar_counts"].get(part)) for one in scores))
        for part in COUNTED
    ]
    names = {"cost_term": "score of the sum", "favour": "of favour", "hidden": "of hidden layers", "score": "score"}
    rows += [(name, *(f"{one[key] + 0.0:.3f}" for one in scores)) for key, name in names.items()]
    head = ("how it is weighed", *(one["action"] + TAKEN * (one["action"] == decision) for one in scores))
    _wide(head, rows)
    for line in decided(told):
        print(line)


def decided(told: dict[str, Any]) -> list[str]:
    """Which part of the scores decided between the choice and the next."""
    scores = {one["action"]: one for one in told["scores"]}
    lines = [f"To hold counts as waiting for {scores['hold']['as_at']}."] if "hold" in scores else []
    mine = scores.pop(told["decision"])
    if not scores:
        return lines
    its = max(scores.values(), key=lambda one: one["score"])
    lead = {name: mine[name] - its[name] for name in ("score", "cost_term", "favour", "hidden")}
    text = f"The highest score is taken. {its['action']} is next, {lead['score']:.3f} behind"
    most = max(("cost_term", "favour", "hidden"), key=lambda name: lead[name])
    if most != "cost_term":
        return [*lines, f"{text}, {lead[most]:.3f} of it by {'favour' if most == 'favour' else 'hidden layers'}."]
    parts = {*mine["counted"], *its["counted"]}
    more = {part: its["counted"].get(part, 0.0) - mine["counted"].get(part, 0.0) for part in sorted(parts)}
    part = max(more, key=lambda name: more[name])
    return [*lines, f"{text}, most by {part}, for which ${money(more[part])} more are counted there."]


def _branches(told: dict[str, Any]) -> None:
    """What the other choices came to, in this future and in others."""
    played, decision = told["branches"], told["decision"]
    actions = sorted(played["actions"], key=lambda one: one["action"] != decision)
    names = [one["action"] + TAKEN * (one["action"] == decision) for one in actions]
    rows = []
    for name, one in zip(names, actions, strict=True):
        split = [_difference(one["more"]["cluster"][part]) for part in ("whole", "metered", "delay", "penalties")]
        rows.append((name, *split, *(_difference(one["more"][who]["whole"]) for who in ("job", "others"))))
    print(f"What each comes to in {duration(played['hours'])}, $ more than {decision}, in the true future:\n")
    print_table(("choice", "all", "metered", "delay", "penalties", "job's", "others'"), rows)
    print()
    rows = [
        (name, one["site"] or DASH, f"{one['waited_hours']:,.2f}", *_left(one))
        for name, one in zip(names, actions, strict=True)
    ]
    print_table(("choice", "the job runs at", "waits, h", "leaves after, h", "how"), rows)
    if not played["futures"]:
        return
    print(f"\nThe same in {played['futures']} other futures, mean ± standard error. They differ in")
    print(f"{played['varied']}.\n")
    rows = [
        (name, *(_spread(one["more_in_futures"][who]) for who in ("cluster", "job", "others")))
        for name, one in zip(names, actions, strict=True)
    ]
    print_table(("choice", "all", "the job's", "the others'"), rows)
    print()
    for line in verdicts(told):
        print(line)


def verdicts(told: dict[str, Any]) -> list[str]:
    """What the other futures say of each other choice, in a sentence."""
    played, decision = told["branches"], told["decision"]
    if played["futures"] < FEW:
        return [f"These are too few to say more: --futures {FEW} or more."]
    return [_verdict(one, decision) for one in played["actions"] if one["action"] != decision]


def _verdict(one: dict[str, Any], decision: str) -> str:
    """What they say of one."""
    name, spread, own = one["action"], one["more_in_futures"]["cluster"], one["more_in_futures"]["job"]
    if _is_clear(spread):
        word = "dearer" if spread["mean"] > 0 else "cheaper"
        return f"{name} is {word} than {decision} by ${_plain(spread)}."
    if _is_clear(own):
        word = "dearer" if own["mean"] > 0 else "cheaper"
        return f"{name} is {word} for the job, by ${_plain(own)}; what it does to the others is lost in noise."
    return f"{name} cannot be told from {decision}."


def _is_clear(spread: dict[str, float]) -> bool:
    return abs(spread["mean"]) > CLEAR * spread["standard_error"]


def _plain(spread: dict[str, float]) -> str:
    return f"{money(abs(spread['mean']))} ± {money(spread['standard_error'])}"


def _left(one: dict[str, Any]) -> tuple[str, str]:
    """When the job left, and how."""
    if one["left_after_hours"] is None:
        return DASH, "it is still there"
    return f"{one['left_after_hours']:,.2f}", one["outcome"].replace("_", " ")


def _ratio(found: dict[str, float] | None, part: str, whole: str) -> float | None:
    return found[part] / found[whole] if found and found[whole] > 0 else None


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"


def _factor(value: float | None) -> str:
    return DASH if value is None else f"{value:.3g}"


def _difference(value: float) -> str:
    """A difference; nothing is 0."""
    return "0" if abs(value) < 0.005 else f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"


def _spread(found: dict[str, float | None]) -> str:
    average, error = found["mean"], found["standard_error"]
    if average is None or (average == 0 and not error):
        return "0"
    return _difference(average) + ("" if error is None else f" ± {money(error)}")
