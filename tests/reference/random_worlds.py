"""Small random worlds in which every rule is switched on, and a choice of actions that is a function of integers.

About a third are *plain*: capacity, prices, contracts and queues, at most one of the further features. In the others
each is switched on with a probability of two thirds. Times are mostly multiples of one tick, so that ties are frequent.
*Even* worlds have few sites and full queues, so that jobs are backfilled.
"""

from random import Random

from .quantities import MINUTE, mix
from .random_jobs import random_jobs
from .random_sites import random_provider, random_site
from .state import Choose
from .taste import FEATURES, Taste
from .world import JobClass, World


def random_world(seed: int) -> World:
    """A world drawn from `seed`, which is also that of its failures, grants and start-ups."""
    rng = Random(seed)
    taste = random_taste(rng)
    tick, span = taste.tick, taste.span
    period = max(1, tick * span // (MINUTE * rng.randint(2, 5))) * MINUTE
    first_period = -MINUTE * rng.choice([0, rng.randrange(period // MINUTE)])
    classes = rng.choice([1, 2, 3, 16])
    number = rng.choice([1, 1, 1, 2] if taste.is_even else [1, 1, 2, 3, 4])
    more = rng.choice([0, 0, 1 if taste.is_even else rng.randint(0, 8 - number)])
    owners = [*range(number), *(rng.randrange(number) for _ in range(more))]
    is_metered = [rng.random() < 0.5 for _ in range(number)]
    sites = [random_site(rng, taste, owner, is_metered[owner], classes) for owner in owners]
    used = [0 if is_metered[site.provider] else rng.randint(0, site.capacity) for site in sites]  # accelerators
    return World(
        sites=sites,
        providers=[
            random_provider(rng, taste, is_metered[n], [s for s in sites if s.provider == n], period, number)
            for n in range(number)
        ],
        classes=[random_class(rng, taste) for _ in range(classes)],
        jobs=random_jobs(rng, taste, classes, number),
        offer_interval=tick * rng.choice([1, 3, 10, 1000]),
        reoffer_gap=rng.choice([0, 1, tick, 3 * tick, 10 * tick]),
        pass_size=rng.choice([0, 1, 2, 32]),
        max_hold=rng.choice([1, tick, 5 * tick, 30 * tick, 10_000 * tick]),
        dispatch=rng.choice(["fcfs", "easy", "easy", "easy"]),
        first_period=first_period,
        period=period,
        used_before=[-first_period * n for n in used],
        delivered_before=[-first_period * max(n, site.capacity // 2) for n, site in zip(used, sites, strict=True)],
        preempt_after=rng.choice([1, tick, tick, 3 * tick]) if taste.has("preemption") else 0,
        kill_overruns=taste.has("kills"),
        backfill_depth=rng.choice([1, 2, 5, 1 << 20, 1 << 20]),
        seed=seed,
    )


def random_taste(rng: Random) -> Taste:
    """Whether the world is plain, and what is switched on."""
    tick = rng.choice([1_000, MINUTE, 5 * MINUTE])  # ms
    span = rng.randint(15, 80)
    moments = [tick * rng.randint(1, 2 * span) for _ in range(8)]
    is_plain = rng.random() < 0.35
    return Taste(
        tick=tick,
        span=span,
        moments=moments,
        is_even=rng.random() < (0.6 if is_plain else 0.3),
        is_tidy=rng.random() < 0.4,
        features=frozenset(
            rng.sample(FEATURES, rng.choice([0, 0, 1]))
            if is_plain
            else [feature for feature in FEATURES if rng.random() < 0.66]
        ),
    )


def random_class(rng: Random, taste: Taste) -> JobClass:
    """Delay, checkpoints that are none, frequent or rarer than jobs are long, restarts and ports."""
    tick = taste.tick
    has_set_up = taste.has("checkpoints")
    return JobClass(
        delay_rate=rng.choice([0, rng.randint(1, 9_999_999)]),
        checkpoint=rng.choice([0, 1, taste.part(3), tick, 2 * tick, 100 * tick]) if has_set_up else 0,
        restart=rng.choice([0, taste.part(7), tick, tick, 2 * tick]) if has_set_up else 0,
        port=rng.choice([0, taste.part(5), tick, 3 * tick]) if taste.has("silicon") else 0,
        preemptible=taste.has("preemption") and rng.random() < 0.85,
    )


def horizon(world: World) -> int:
    """A time [ms] by which the jobs have arrived, most have run, and two more periods have ended."""
    last = world.jobs[-1].arrival + 2 * max(job.walltime for job in world.jobs)
    return last + 2 * world.period + 1


def keyed_choice(seed: int) -> Choose:
    """Actions that depend on (seed, job, attempt, legal) alone, any of them illegal about once in forty.

    All arithmetic is modulo 2^64, without sign:

        h = mix(mix(seed * 0x9E3779B97F4A7C15 + job) + attempt)
        action = h % (sites + 1)                          when (h >> 32) % 20 == 0, legal or not
                 the (h % k)-th legal one, counted from 0   otherwise; k legal actions, in ascending order
    """

    def choose(job: int, attempt: int, legal: list[bool]) -> int:
        h = mix(mix(seed * 0x9E3779B97F4A7C15 + job) + attempt)
        if (h >> 32) % 20 == 0:
            return h % len(legal)
        actions = [action for action, is_legal in enumerate(legal) if is_legal]
        return actions[h % len(actions)]

    return choose
