"""Small random worlds in which every rule is switched on, and a choice of actions that is a function of integers."""

from random import Random

from .simulator import Choose
from .world import Job, Provider, Site, World

MINUTE = 60_000  # ms
WORD = (1 << 64) - 1


def random_world(seed: int) -> World:
    """A world drawn from `seed`. Times are mostly multiples of one tick, so that ties are frequent."""
    rng = Random(seed)
    tick = rng.choice([1_000, MINUTE, 5 * MINUTE])  # ms
    span = rng.randint(15, 80)  # ticks in which the jobs arrive
    period = max(1, tick * span // (MINUTE * rng.randint(2, 5))) * MINUTE
    first_period = -MINUTE * rng.choice([0, rng.randrange(period // MINUTE)])
    classes = rng.choice([1, 2, 3, 16])
    providers = rng.choice([1, 1, 2, 3, 4])
    more = rng.choice([0, 0, rng.randint(0, 8 - providers)])
    owners = [*range(providers), *(rng.randrange(providers) for _ in range(more))]
    kinds = [rng.choice(["committed", "burst"]) for _ in range(providers)]
    moments = [tick * rng.randint(1, 2 * span) for _ in range(8)]
    is_even = rng.random() < 0.5  # one speed, one price, and steps that are mostly known: more ties, more backfilling
    sites = [random_site(rng, owner, kinds[owner], classes, moments, is_even) for owner in owners]
    # Accelerators in use before time 0
    held = [rng.randint(0, site.capacity) if kinds[site.provider] == "committed" else 0 for site in sites]
    return World(
        sites=sites,
        providers=[
            random_provider(rng, kinds[n], [s for s in sites if s.provider == n], period) for n in range(providers)
        ],
        delay_rates=[rng.choice([0, rng.randint(1, 9_999_999)]) for _ in range(classes)],
        jobs=random_jobs(rng, tick, span, classes),
        offer_interval=tick * rng.choice([1, 3, 10, 1000]),
        reoffer_gap=rng.choice([0, 1, tick, 3 * tick, 10 * tick]),
        pass_size=rng.choice([0, 1, 2, 32]),
        max_hold=rng.choice([1, tick, 5 * tick, 30 * tick, 10_000 * tick]),
        dispatch=rng.choice(["fcfs", "easy", "easy"]),
        first_period=first_period,
        period=period,
        used_before=[-first_period * n for n in held],
        delivered_before=[-first_period * max(n, site.capacity // 2) for n, site in zip(held, sites, strict=True)],
    )


def horizon(world: World) -> int:
    """A time [ms] by which the jobs have arrived, most have run, and two more periods have ended."""
    last = world.jobs[-1].arrival + 2 * max(job.walltime for job in world.jobs)
    return last + 2 * world.period + 1


def random_site(rng: Random, owner: int, kind: str, classes: int, moments: list[int], is_even: bool) -> Site:
    """A site of at most 40 accelerators; `moments` are the instants at which steps of several sites fall together."""
    cube = rng.choice([0, 0, 4, 6])
    return Site(
        provider=owner,
        capacity=rng.choice([8, 12, 16, 24] if is_even else [0, 4, 8, 8, 12, 16, 24]),
        price=3_600_000 if is_even else rng.randint(100_000, 9_999_999),
        speed=[1000 if is_even else rng.choice([0, 333, 500, 700, 1000, 1000, 1700, 2000]) for _ in range(classes)],
        granule=rng.choice([1, 1, 1, 2, 4]),
        cube=cube,
        cube_from=rng.randint(1, 12) if cube else 0,
        steps=random_steps(rng, moments, is_even),
        price_steps=[(at, rng.randint(0, 9_999_999)) for at in instants(rng, moments, 4)] if kind == "burst" else [],
    )


def random_steps(rng: Random, moments: list[int], is_even: bool) -> list[tuple[int, int, int]]:
    """Capacity steps (at, capacity, announced): gains, losses, to zero; surprises, with notice, known at once."""
    steps = []
    for at in instants(rng, moments, 8):
        capacity = rng.choice([8, 12, 14, 16, 18, 24] if is_even else [0, 2, 4, 4, 8, 8, 12, 16, 24, 40])
        known = [0, -1, rng.choice(moments), at - 1]
        surprising = [] if is_even else [at, at, rng.randint(-at, at)]
        steps.append((at, capacity, min(at, rng.choice(known + surprising))))
    return steps


def instants(rng: Random, moments: list[int], most: int) -> list[int]:
    """Up to `most` different instants, in order, some of them among the `moments`."""
    own = [
        rng.choice(moments) if rng.random() < 0.5 else rng.randint(1, max(moments)) for _ in range(rng.randint(0, most))
    ]
    return sorted(set(own))


def random_provider(rng: Random, kind: str, sites: list[Site], period: int) -> Provider:
    """A provider whose floor or budget is some part of what its sites could draw in one period."""
    most = sum(max(site.capacity, 4) * period * site.price // 3_600_000 for site in sites)
    amount = most * rng.randint(0, 60) // 100
    tags = rng.choice([0, 1, 3, 3, 7])
    if kind == "burst":
        return Provider(kind, tags, budget=rng.choice([None, amount, amount // 4, rng.choice([0, amount])]))
    by_money = rng.random() < 0.5
    return Provider(
        kind,
        tags,
        floor_money=amount if by_money else None,
        floor_share=None if by_money else rng.choice([0, 100, 333, 800, 1000]),
        overage=rng.choice([0, 777, 1000, 1500]),
    )


def random_jobs(rng: Random, tick: int, span: int, classes: int) -> list[Job]:
    """20 to 120 jobs in order of arrival, several at one instant, some that overrun and a few that suit no site."""
    levels = rng.choice([1, 2, 8])
    jobs = []
    for arrival in sorted(tick * rng.randint(0, span) for _ in range(rng.randint(20, 120))):
        walltime = rng.choice([tick, 2 * tick, tick * rng.randint(1, 25), rng.randint(1, 10 * tick)])
        longer = walltime + tick * rng.randint(1, 10)
        jobs.append(
            Job(
                arrival=arrival,
                walltime=walltime,
                requested=rng.choice([walltime, walltime, longer, max(1, walltime // 3), max(1, walltime - 1)]),
                gang=rng.choice(
                    [1, 2, 3, 4, 5, 8, rng.randint(1, 16), rng.randint(1, 24), 1000 if rng.random() < 0.1 else 1]
                ),
                tags=rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 4]),
                cls=rng.randrange(classes),
                priority=rng.randrange(levels),
            )
        )
    return jobs


def mix(z: int) -> int:
    """The finaliser of splitmix64, on 64-bit words without sign."""
    z &= WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


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
