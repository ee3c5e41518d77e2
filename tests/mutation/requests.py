"""Section 5, start-ups: requests, grants, denials."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "the draws of a request do not know its site",
        "requests.py",
        "8 * item.requests + item.site",
        "8 * item.requests",
    ),
    Mutant(
        "a job that asks again draws the same again",
        "requests.py",
        "    item.requests += 1\n",
        "",
    ),
    Mutant(
        "the draws of a job depend on the streams that lie before its own",
        "requests.py",
        "item.job - state.first_job, 8",
        "item.job, 8",
    ),
    Mutant(
        "a draw that equals the probability is a grant",
        "requests.py",
        "1000) < chance",
        "1000) <= chance",
    ),
    Mutant(
        "a probability between two points is rounded down",
        "needs.py",
        "return was - (was - chance) * (accelerators - before) // (size - before)",
        "return was + (chance - was) * (accelerators - before) // (size - before)",
    ),
    Mutant(
        "a probability between two points is that of the first",
        "needs.py",
        "return was - (was - chance) * (accelerators - before) // (size - before)",
        "return was",
    ),
    Mutant(
        "above its last point a site grants nothing",
        "needs.py",
        "return rules.grant_permille[site, points - 1]",
        "return 0",
    ),
    Mutant(
        "grants and start-ups are drawn from one stream",
        "requests.py",
        "draw(state.seed, START_UPS, entity, attempt)",
        "draw(state.seed, GRANTS, entity, attempt)",
    ),
    Mutant(
        "a start-up may take no time at all",
        "requests.py",
        "max(1, quantile(spec.tables[rules.start_up[item.site]], bits))",
        "quantile(spec.tables[rules.start_up[item.site]], bits)",
    ),
    Mutant(
        "a starting block is planned as long as it was when it was queued",
        "requests.py",
        "        item.requested_end = jobs[item.job].until\n",
        "        pass\n",
    ),
    Mutant(
        "a denial is no wake-up",
        "requests.py",
        "            state.wake = 1\n",
        "",
    ),
    Mutant(
        "the time of a request that comes to nothing is not waited",
        "requests.py",
        "    world.live[slot].waited += state.now - world.live[slot].ready\n",
        "",
    ),
    Mutant(
        "accelerators that become free touch nothing",
        "runs.py",
        "    state.touched[item.site] = 1\n",
        "",
    ),
)
