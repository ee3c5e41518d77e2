"""Why, in one sentence: the parts in which the choice differs most from the others, in dollars and hours."""

from .option import Option
from .weights import Score

NOTHING = 0.005  # $: less is not worth a word
MOST_OTHERS = 2  # sites that are told beside the chosen one


def sentence(options: list[Option], action: int, scores: list[Score] | None) -> str:
    """Why `action` and not another.

    Args:
        options: All actions, the last of them hold.
        action: The one that was taken.
        scores: How a learned policy scores them; None: of a rule, others are told by what they are known to cost.
    """
    chosen, hold = options[action], len(options) - 1
    others = [place for place, one in enumerate(options) if one.is_legal and place not in (action, hold)]
    others.sort(key=lambda place: options[place].cost if scores is None else -scores[place].score)
    if not others and action == hold:
        return "held: no site is legal now."
    if not others:
        reason = "there is no other choice" if not options[hold].is_legal else "no other site is legal"
        return f"{chosen.name}: {reason}; it {_and(_words(chosen))}."
    if action == hold:
        beside = "; ".join(_other(options[place]) for place in others[:MOST_OTHERS])
        delay = f"${money(chosen.cost)} of delay"
        return f"held, to be offered again {_in(chosen.start_hours)} ({delay}), because {beside}."
    equals = [place for place in others if _is_equal(chosen, options[place])]
    others = [place for place in others if place not in equals]
    named = " and ".join(options[place].name for place in equals)
    if not others:
        return f"{chosen.name}: it {_and(_words(chosen))}, as it would on {named}."
    like = f" (as on {named})" if equals else ""
    told = others[:MOST_OTHERS]
    reasons = _reasons(chosen, [options[place] for place in told]) or _otherwise(scores, action, told[0])
    against = _against(chosen, [options[place] for place in told])
    beside = "; ".join(_other(options[place]) for place in told)
    return f"{chosen.name}{like}{reasons}{against}; {beside}."


def _is_equal(chosen: Option, other: Option) -> bool:
    """Whether two sites differ in nothing that is told of them."""
    return all(abs(_of(other, name) - _of(chosen, name)) <= NOTHING for name in ("metered", "start", "evicting"))


def _reasons(chosen: Option, others: list[Option]) -> str:
    """What speaks for the choice, the largest difference first; nothing where nothing that is known does."""
    said, differences = _words(chosen), _differences(chosen, others)
    pro = [said[name] for name in differences if differences[name] > NOTHING]
    rest = [said[name] for name in differences if abs(differences[name]) <= NOTHING and name in ("start", "metered")]
    return f", because it {_and(pro + rest)}" if pro else ""


def _against(chosen: Option, others: list[Option]) -> str:
    """What speaks against it."""
    said, differences = _words(chosen), _differences(chosen, others)
    contra = [said[name] for name in differences if differences[name] < -NOTHING]
    is_dearer = chosen.cost > min(other.cost for other in others) + NOTHING
    less = ", which counts for less with this policy" if is_dearer and _reasons(chosen, others) else ""
    return f", although it {_and(contra)}{less}" if contra else ""


def _differences(chosen: Option, others: list[Option]) -> dict[str, float]:
    """What others cost more [$], by the part, the largest first; of each part where they differ most."""
    more = {name: max((_of(other, name) - _of(chosen, name) for other in others), key=abs) for name in _words(chosen)}
    return dict(sorted(more.items(), key=lambda one: -abs(one[1])))


def _otherwise(scores: list[Score] | None, action: int, place: int) -> str:
    """What speaks for a choice that nothing known to cost speaks for."""
    if scores is None:
        return ", by the policy's own rule"
    mine, its = scores[action], scores[place]
    gains = {"the policy favours it": mine.favour - its.favour, "its hidden layers do": mine.hidden - its.hidden}
    best = max(gains, key=lambda name: gains[name])
    if gains[best] > mine.cost_term - its.cost_term:
        return f", because {best}"
    return ", because of how the policy weighs the parts"


def _of(option: Option, name: str) -> float:
    """What a group of parts costs [$]."""
    if name == "start":
        return option.parts.get("waiting", 0.0) + option.parts.get("starting", 0.0)
    return option.parts.get(name, 0.0)


def _words(option: Option) -> dict[str, str]:
    """What is to be said of a site, by the part that it is about; each goes on after `it`."""
    return {"metered": _metered(option), "start": f"is expected to {_start(option)}"}


def _metered(option: Option) -> str:
    cost = option.parts.get("metered", 0.0)
    return "costs nothing at the margin" if cost <= NOTHING else f"costs ${money(cost)} at the margin"


def _start(option: Option) -> str:
    """When it would start; where runs would make way, what sooner would cost."""
    delay = _of(option, "start")
    text = f"start {_in(option.start_hours)}" + (f" (${money(delay)} of delay)" if delay > NOTHING else "")
    if way := option.facts.get("makes_way"):
        count = len(way["jobs"])
        who = "1 run makes way" if count == 1 else f"{count:,} runs make way"
        text += f" or, if {who}, sooner (${money(option.parts['evicting'])} lost)"
    return text


def _other(option: Option) -> str:
    """What another site would mean."""
    cost = option.parts.get("metered", 0.0)
    price = "nothing" if cost <= NOTHING else f"${money(cost)}"
    return f"on {option.name} it would cost {price} and {_start(option)}"


def _in(hours: float) -> str:
    if hours <= 0:
        return "at once"
    return f"in {duration(hours)}"


def _and(parts: list[str] | dict[str, str]) -> str:
    words = list(parts.values()) if isinstance(parts, dict) else parts
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def duration(hours: float) -> str:
    """A time in the unit that suits it."""
    if hours < 1:
        return f"{60 * hours:.0f} min" if 60 * hours >= 1 else f"{3600 * hours:.0f} s"
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def money(dollars: float) -> str:
    """Cents up to a thousand dollars, then none."""
    return f"{dollars:,.2f}" if abs(dollars) < 1000 else f"{dollars:,.0f}"
