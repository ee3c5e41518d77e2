"""What the alternatives of single decisions come to: branches of the future, played without Python.

An episode plays under one agent until an offer is sampled. From there every legal action is carried out in a copy of
the world, and a second agent plays each copy on. The copies meet the same jobs, failures and grants (keyed.py), so that
differences of their costs are what the actions make of one and the same future.

Most branches grow together again: the job has run, and the same jobs wait and run in the same places. They are compared
at a few instants, and one that equals the branch of the action really taken ends there. What may still differ is what
has been drawn of a contract or spent of a budget.
"""

from typing import Any, NamedTuple

import numpy as np

from .advance import OFFERED, OVERLOADED, REACHED, SETTLED, advance
from .agent import CHOOSE, example
from .fingerprint import fingerprint, reading
from .jit import by_reference, direct, entry, kernel, signature
from .keyed import draw, uniform
from .observe import observe
from .offers import carry_out, offered_slot, write_mask
from .spec import Jobs, Spec
from .state import View, World, copy_prefix, copy_world, world_of
from .units import HOUR

SAMPLES = (1 << 61) - 1  # stream that says which offers are sampled
FIRST_MARK = HOUR // 6  # after the offer; each further one half as far again
MARKS = 24  # the last but one is 49 days after the offer, the last at the end of the branch
EQUAL = 1000  # added to a mark at which a branch was equal
RESOLUTION = 1 << 24  # of the chance that an offer is sampled
SIBLINGS, MERGED, DECISIONS = range(3)  # columns of counts


class Reach(NamedTuple):
    """Which offers are sampled, and how far branches reach."""

    seed: int  # names the samples
    always: float  # stake [accelerator-hours] from which on an offer is always sampled; below in proportion
    least: float  # least chance
    base: float  # ms from the offer to the end of its branches
    stretch: float  # ms more for each ms of the job's claim
    tail: float  # ms that the taken action's branch goes on beyond it; 0: none does


class Labels(NamedTuple):
    """What came out, a row an episode; filled in place."""

    observations: np.ndarray  # (episodes, size) float32, of the sampled offer
    masks: np.ndarray  # (episodes, actions) uint8
    costs: np.ndarray  # (episodes, actions) float64, µ$ from the offer to the end; NaN where illegal
    actions: np.ndarray  # (episodes,) int64, what the behaviour took
    weights: np.ndarray  # (episodes,) float64, 1 / chance of having been sampled; 0: no label
    merged: np.ndarray  # (episodes, actions) uint8, 1: ended early
    ends: np.ndarray  # (episodes, actions, size) float32, where a tail is asked for: what is seen at a branch's end
    tails: np.ndarray  # (episodes,) float64, µ$ of the tail after the taken action's branch
    status: np.ndarray  # (episodes,) int64: OFFERED, REACHED (the episode is over), or why it cannot go on


class Bench(NamedTuple):
    """What a thread works on, a row a thread."""

    observations: np.ndarray  # (rows, size) float32
    masks: np.ndarray  # (rows, actions) uint8
    behaviour: np.ndarray  # (rows, m) float32, scratch of the agents
    follow: np.ndarray
    prints: np.ndarray  # (rows, marks) uint64, of the taken action's branch
    readings: np.ndarray  # (rows, marks) float64, µ$
    counts: np.ndarray  # (rows, 3) int64


class Hand(NamedTuple):
    """An agent at work: what it reads from and writes on."""

    knobs: np.ndarray
    scratch: np.ndarray
    observation: np.ndarray
    mask: np.ndarray


def empty_labels(episodes: int, actions: int, size: int, *, tails: bool) -> Labels:
    """Room for the labels of so many episodes."""
    return Labels(
        np.zeros((episodes, size), np.float32),
        np.zeros((episodes, actions), np.uint8),
        np.full((episodes, actions), np.nan),
        np.zeros(episodes, np.int64),
        np.zeros(episodes),
        np.zeros((episodes, actions), np.uint8),
        np.zeros((episodes, actions if tails else 0, size), np.float32),
        np.full(episodes, np.nan),
        np.zeros(episodes, np.int64),
    )


def empty_bench(rows: int, actions: int, size: int, scratch: int, marks: int = MARKS) -> Bench:
    """What so many threads work on."""
    return Bench(
        np.zeros((rows, size), np.float32),
        np.zeros((rows, actions), np.uint8),
        np.zeros((rows, scratch), np.float32),
        np.zeros((rows, scratch), np.float32),
        np.zeros((rows, marks), np.uint64),
        np.zeros((rows, marks)),
        np.zeros((rows, 3), np.int64),
    )


NUMBERS = np.zeros(1, np.int64)
LABEL = signature(
    None,
    *example(),  # spec, jobs, batch
    NUMBERS,  # episodes
    NUMBERS,  # ends
    NUMBERS,  # limits
    CHOOSE,
    np.zeros(1),  # knobs of the behaviour
    CHOOSE,
    np.zeros(1),  # knobs of who follows
    False,  # observes
    Reach(0, 0.0, 0.0, 0.0, 0.0, 0.0),
    example()[2],  # branches
    0,  # row
    empty_bench(1, 1, 1, 1),
    empty_labels(1, 1, 1, tails=True),
)


@kernel
def answer(view: View, choose: Any, hand: Hand, observes: bool) -> None:
    """Answer the present offer as an agent would; where one action is legal it is not asked."""
    spec, jobs, world = view.spec, view.jobs, view.world
    write_mask(spec, jobs, world, hand.mask)
    action = only_legal(hand.mask)
    if action < 0:
        if observes:
            observe(spec, jobs, world, hand.mask, hand.observation)
        action = choose(view, hand.observation, hand.mask, hand.knobs, hand.scratch)
    carry_out(spec, jobs, world, action, hand.mask)


@kernel
def only_legal(mask: np.ndarray) -> int:
    """The one legal action, or −1 where there are several."""
    found = -1
    for action in range(mask.shape[0]):
        if mask[action] == 1:
            if found >= 0:
                return -1
            found = action
    return found


@kernel
def play_on(view: View, until: int, choose: Any, hand: Hand, observes: bool) -> int:
    """Play under an agent until `until` [ms]; returns why it stopped (advance.py)."""
    while True:
        reason = advance(view.spec, view.jobs, view.world, until)
        if reason != OFFERED:
            return reason
        answer(view, choose, hand, observes)


@kernel
def play_to_arrival(view: View, since: int, limit: int, choose: Any, hand: Hand, observes: bool) -> int:
    """Play on to the first offer of a job that arrives at or after `since`; OFFERED where it came before `limit`.

    No action changes arrivals, so it is the same job at the same instant in all branches of a decision. Its offer is
    written down and left open.
    """
    spec, jobs, world = view.spec, view.jobs, view.world
    while True:
        reason = advance(spec, jobs, world, limit)
        if reason != OFFERED:
            return reason
        item = world.live[offered_slot(world)]
        if item.attempts == 0 and jobs[item.job].arrival >= since:
            write_mask(spec, jobs, world, hand.mask)
            observe(spec, jobs, world, hand.mask, hand.observation)
            return reason
        answer(view, choose, hand, observes)


@kernel
def stake(jobs: Jobs, world: World) -> float:
    """Gang × requested work [accelerator-hours] of the job that is offered."""
    item = world.live[offered_slot(world)]
    return float(jobs[item.job].gang) * float(item.claim) / float(HOUR)


@kernel
def play_to_sample(view: View, episode: int, until: int, choose: Any, hand: Hand, observes: bool, reach: Reach) -> int:
    """Play to the next sampled offer, which is written down and left open.

    OFFERED, or why there is none. An offer's chance follows from its stake alone, and its lot from its name (seed,
    episode, how many came before): whoever asks again gets the same. One with one legal action is never sampled.
    """
    spec, jobs, world = view.spec, view.jobs, view.world
    while True:
        reason = advance(spec, jobs, world, until)
        if reason != OFFERED:
            return reason
        write_mask(spec, jobs, world, hand.mask)
        lot = uniform(draw(reach.seed, SAMPLES, episode, world.state[0].decisions), RESOLUTION)
        if only_legal(hand.mask) < 0 and float(lot) < chance(stake(jobs, world), reach) * float(RESOLUTION):
            observe(spec, jobs, world, hand.mask, hand.observation)
            return reason
        answer(view, choose, hand, observes)


@kernel
def chance(at_stake: float, reach: Reach) -> float:
    """Of an offer to be sampled."""
    return min(1.0, max(reach.least, at_stake / reach.always))


@kernel
def play_branch(
    view: View, now: int, end: int, is_taken: bool, choose: Any, hand: Hand, observes: bool, prints: Any, readings: Any
) -> int:
    """Play one branch from mark to mark up to `end`: how many marks it took, negative where it could not go on.

    The taken action's branch leaves prints and readings at all of them; another one stops at the first that is equal,
    and adds EQUAL.
    """
    distance = FIRST_MARK
    for mark in range(prints.shape[0]):
        at = min(end, now + distance)
        if mark == prints.shape[0] - 1:
            at = end
        reason = play_on(view, at, choose, hand, observes)
        if reason > SETTLED:
            return -reason
        if is_taken:
            prints[mark], readings[mark] = fingerprint(view.world), reading(view)
        elif fingerprint(view.world) == prints[mark]:
            return EQUAL + mark
        if at == end:
            return mark
        distance = distance * 3 // 2
    return 0


@kernel
def branch_out(
    view: View,
    episode: int,
    limit: int,
    branch: View,
    choose: Any,
    hand: Hand,
    observes: bool,
    reach: Reach,
    row: int,
    bench: Bench,
    labels: Labels,
) -> int:
    """Play every legal action of the open offer; the action taken comes first.

    OFFERED when the label is complete, REACHED where the jobs end too soon for it, else why a branch cannot go on.
    """
    world, mask, taken = view.world, labels.masks[episode], labels.actions[episode]
    prints, readings = bench.prints[row], bench.readings[row]
    now, begun = world.state[0].now, reading(view)
    end = now + int(reach.base) + int(reach.stretch * float(world.live[offered_slot(world)].claim))
    if end + int(reach.tail) > limit:
        return REACHED
    for turn in range(mask.shape[0]):
        action = taken if turn == 0 else (turn - 1 if turn - 1 < taken else turn)
        if mask[action] == 0:
            continue
        copy_world(world, branch.world)
        carry_out(view.spec, view.jobs, branch.world, action, mask)
        mark = play_branch(branch, now, end, turn == 0, choose, hand, observes, prints, readings)
        if mark < 0:
            return -mark
        if mark >= EQUAL:
            bench.counts[row, MERGED] += 1
            labels.merged[episode, action] = 1
            labels.costs[episode, action] = labels.costs[episode, taken] + reading(branch) - readings[mark - EQUAL]
        elif reach.tail > 0.0:
            reason = look_beyond(branch, episode, action, end, limit, choose, hand, observes, begun, reach, labels)
            if reason != OFFERED:
                return reason
        else:
            labels.costs[episode, action] = reading(branch) - begun
        bench.counts[row, SIBLINGS] += 1
        bench.counts[row, DECISIONS] += branch.world.state[0].decisions - world.state[0].decisions
    return OFFERED


@kernel
def look_beyond(
    branch: View,
    episode: int,
    action: int,
    end: int,
    limit: int,
    choose: Any,
    hand: Hand,
    observes: bool,
    begun: float,
    reach: Reach,
    labels: Labels,
) -> int:
    """Write down what is seen when the next job arrives after a branch's end, and what it has cost until then.

    The taken action's branch goes on through the tail, whose cost is what a critic learns from.
    """
    reason = play_to_arrival(branch, end, limit, choose, hand, observes)
    if reason != OFFERED:
        return reason
    copy_prefix(hand.observation, labels.ends[episode, action], hand.observation.shape[0])
    seen = reading(branch)
    labels.costs[episode, action] = seen - begun
    if action != labels.actions[episode]:
        return OFFERED
    last = branch.world.state[0].now + int(reach.tail)
    if last > limit:
        return REACHED
    reason = play_on(branch, last, choose, hand, observes)
    if reason > SETTLED:
        return reason
    labels.tails[episode] = reading(branch) - seen
    return OFFERED


@kernel
def first_legal(mask: np.ndarray) -> int:
    """What is taken where an agent's answer is illegal: hold, as the law has it, or the lowest legal site."""
    last = mask.shape[0] - 1
    if mask[last] == 1:
        return last
    action = 0
    while mask[action] == 0:
        action += 1
    return action


@kernel
def clear_label(episode: int, labels: Labels) -> None:
    """No label yet."""
    labels.weights[episode] = 0.0
    labels.tails[episode] = np.nan
    for action in range(labels.costs.shape[1]):
        labels.costs[episode, action] = np.nan
        labels.merged[episode, action] = 0


@direct
@entry(LABEL)
def label(
    spec: Spec,
    jobs: Jobs,
    batch: World,
    episodes: np.ndarray,
    ends: np.ndarray,
    limits: np.ndarray,
    choose: Any,
    knobs: np.ndarray,
    follow: Any,
    follow_knobs: np.ndarray,
    observes: bool,
    reach: Reach,
    branches: World,
    row: int,
    bench: Bench,
    labels: Labels,
) -> None:
    """Play some episodes on to their next label each.

    `choose` plays until an offer is sampled, `follow` plays its branches in world `row` of `branches`, which has the
    slots of `batch`. Then the offer is answered. `ends` [ms]: when an episode is over, `limits`: when its jobs are.
    One whose `status` says that it could not go on was left at the same offer: with more room it gives the same label.
    An offer whose branches would be overloaded, or outlive the jobs, is no label.
    """
    branch = View(by_reference(spec), jobs, by_reference(world_of(branches, row)))
    place, out = by_reference(bench), by_reference(labels)
    again = by_reference(Hand(follow_knobs, bench.follow[row], bench.observations[row], bench.masks[row]))
    for episode in episodes:
        view = View(by_reference(spec), jobs, by_reference(world_of(batch, episode)))
        hand = by_reference(Hand(knobs, bench.behaviour[row], labels.observations[episode], labels.masks[episode]))
        begun = view.world.state[0].decisions
        while True:
            clear_label(episode, out)
            reason = play_to_sample(view, episode, ends[episode], choose, hand, observes, reach)
            if reason != OFFERED:
                break
            weight = 1.0 / chance(stake(jobs, view.world), reach)
            taken = choose(view, hand.observation, hand.mask, hand.knobs, hand.scratch)
            if taken < 0 or taken > view.world.state[0].sites or hand.mask[taken] == 0:
                taken = first_legal(hand.mask)
            labels.actions[episode] = taken
            reason = branch_out(view, episode, limits[episode], branch, follow, again, observes, reach, row, place, out)
            if reason != OFFERED and reason != REACHED and reason != OVERLOADED:
                break
            carry_out(view.spec, jobs, view.world, taken, hand.mask)
            if reason == OFFERED:
                labels.weights[episode] = weight
                break
        labels.status[episode] = reason
        bench.counts[row, DECISIONS] += view.world.state[0].decisions - begun
