"""Section 8: arrivals, writing off, deadlines, blocks whose time is over."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "the children of a written-off member arrive as if nothing were",
        "arrivals.py",
        "        state.gone |= 1 << work.member\n        write_off(",
        "        write_off(",
    ),
    Mutant(
        "the grandchildren of a written-off member arrive as if nothing were",
        "arrivals.py",
        "        state.gone |= 1 << work.member\n        cancel(",
        "        cancel(",
    ),
    Mutant(
        "a pipeline suffers from the one that arrived before it",
        "arrivals.py",
        "    if work.member == 0:\n        state.gone = 0\n",
        "",
    ),
    Mutant(
        "a member that no site suits is written off even when its parent has been",
        "arrivals.py",
        "if work.parents & state.gone != 0:",
        "if work.parents & state.gone != 0 and has_site(spec, jobs, world, job):",
    ),
    Mutant(
        "a write-off knows how long the job would really have run",
        "arrivals.py",
        "cost(work.gang * work.requested, dearest)",
        "cost(work.gang * work.walltime, dearest)",
    ),
    Mutant(
        "a write-off is priced by the last site",
        "arrivals.py",
        "dearest = max(dearest, state.price[site])",
        "dearest = state.price[site]",
    ),
    Mutant(
        "a write-off costs no delay",
        "arrivals.py",
        " + cost(work.gang * spec.rules[0].max_hold, rate)",
        " + 0 * rate",
    ),
    Mutant(
        "a deadline without a penalty is not logged",
        "timers.py",
        "    record(world, MISS, job, -1, penalty)\n",
        "    if penalty > 0:\n        record(world, MISS, job, -1, penalty)\n",
    ),
    Mutant(
        "a penalty is no cost",
        "timers.py",
        "    state.penalties += penalty\n",
        "",
    ),
    Mutant(
        "a block that has expired is waited for",
        "timers.py",
        "    wait(world, jobs[item.job].cls, -jobs[item.job].gang)\n",
        "",
    ),
    Mutant(
        "the result of an expired block forgets how long it last waited",
        "timers.py",
        "        item.waited += state.now - item.ready\n",
        "",
    ),
    Mutant(
        "a deadline rings although its job has left the world",
        "placing.py",
        "    if item.is_timed == 1:\n",
        "    if item.is_timed == 1 and jobs[item.job].until > 0:\n",
    ),
)
