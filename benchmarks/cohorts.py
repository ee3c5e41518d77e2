"""How long `tidegate evaluate mid_lab --episodes 1000` takes, under all rules of the kernel with default knobs."""

import threading
import time
from collections import defaultdict
from itertools import pairwise

from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.fastsim.threads import threads

SCENARIO, EPISODES, SEED = "mid_lab", 1000, 1


def main() -> None:
    given = options(__doc__)
    scenario, agents = load(SCENARIO), [rule() for rule in RULES.values()]
    evaluate(scenario, agents, 1, SEED)  # compiles, or reads what was compiled
    begin, cpu = time.perf_counter(), time.process_time()
    instants: defaultdict[int, list[float]] = defaultdict(lambda: [begin])  # of each thread

    def progress(done: int, count: int) -> None:
        instants[threading.get_ident()].append(time.perf_counter())

    report = evaluate(scenario, agents, EPISODES, SEED, progress=progress)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    taken = [0.0] * len(agents)
    for own in instants.values():
        for call, (before, after) in enumerate(pairwise(own)):
            taken[call % len(agents)] += after - before  # a play is drawn and warmed up before its first agent
    jobs = sum(policy.total("jobs") for policy in report.policies)
    rows = [[name, f"{1000 * own / EPISODES:.0f}"] for name, own in zip(RULES, taken, strict=True)]
    rows[0][0] += ", drawing and warm-up"
    rows.append(["all", f"{1000 * sum(taken) / EPISODES:.0f}"])
    about = (
        f"{EPISODES:,} episodes of `{SCENARIO}`, a week each, under {len(agents)} rules: **{wall:.0f} s** on "
        f"{threads()} threads, {cpu:.0f} s of processor time, "
        f"{jobs / cpu / 1000:.0f}k scored jobs for each second of it."
    )
    publish(
        "cohorts",
        described([], "all were"),
        1,
        [about, table(["rule", "ms of a thread an episode"], rows)],
        given.write,
    )


if __name__ == "__main__":
    main()
