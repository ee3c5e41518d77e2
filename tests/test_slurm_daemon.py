"""The daemon between a Slurm and a router in memory, with a clock that tests turn: what it decides and orders."""

from tidegate.agents.slurm.book import Entry
from tidegate.agents.slurm.router import HOLD
from tidegate.envs.present import present
from tidegate.envs.snapshot import Snapshot

from .fake_slurm import Bench, spread

FEDERATION = {
    "clusters": {"a": {}, "b": {}},
    "sites": [
        {"name": "committed", "partition": "gpu", "cluster": "a"},
        {"name": "burst", "partition": "gpu", "cluster": "b"},
    ],
}

SIBLINGS = {"federation_origin": "a", "federation_siblings_viable": "a,b"}


def test_a_hold_is_kept_and_asked_about_again_by_the_rules_of_offers(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    bench.slurm.submit("1")
    bench.steps(60)
    assert bench.slurm.where() == {"1": "gate"} and bench.slurm.orders == []
    attempts = [attempt for _, attempt in bench.router.asked]
    assert attempts == list(range(1, len(attempts) + 1))
    assert 9 <= len(attempts) <= 11  # offers every 3 s, the same job no sooner than after 5
    assert bench.router.states[-1]["jobs"][0]["status"] == "held"
    assert bench.router.states[-1]["jobs"][0]["attempts"] == len(attempts) - 1


def test_no_hold_outlives_the_longest_one(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD)
    longest = bench.world.scenario.rules.times["max_hold"] / 1000
    bench.slurm.submit("1")
    bench.steps(20)
    bench.slurm.now += longest - 40
    bench.steps(10)
    assert bench.slurm.where() == {"1": "gate"}
    bench.slurm.now += 10
    bench.steps(10)
    assert bench.slurm.where() == {"1": "committed"}


def test_a_queued_job_is_asked_about_again_and_moved_and_one_that_runs_is_not(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "committed" if attempt < 3 else "burst")
    bench.slurm.submit("1")
    bench.slurm.submit("2")
    bench.steps(2)
    bench.slurm.start("2")
    bench.steps(20)
    assert bench.slurm.where() == {"1": "burst", "2": "committed"}
    assert ("2", 2) not in bench.router.asked
    assert bench.slurm.orders.count(("move", "1", "burst")) == 1


def test_a_queued_job_may_go_back_into_the_gate(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD if attempt == 2 else "committed")
    bench.slurm.submit("1")
    bench.steps(2)
    assert bench.slurm.where() == {"1": "committed"}
    bench.steps(6)
    assert bench.slurm.where() == {"1": "gate"}
    bench.steps(10)
    assert bench.slurm.where() == {"1": "committed"}


def test_jobs_of_users_are_left_alone(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", priority=0, state_reason="JobHeldUser")
    bench.slurm.submit("2", priority=0, state_reason="JobHeldAdmin", comment="tidegate")
    bench.slurm.submit("3", partition="committed")
    bench.slurm.submit("4", partition="committed,burst")
    bench.slurm.submit("5", state_reason="Dependency", eligible_time=0)
    bench.slurm.submit("6", partition="debug")
    bench.steps(60)
    assert bench.router.asked == [] and bench.slurm.orders == []
    bench.slurm.records["5"] |= {"state_reason": "PartitionDown", "eligible_time": int(bench.slurm.now)}
    bench.steps(2)
    assert bench.slurm.where()["5"] == "burst"


def test_a_job_that_its_user_moves_stays_there_and_one_that_comes_back_is_asked_about_anew(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1")
    bench.steps(2)
    bench.slurm.records["1"]["partition"] = "debug"
    bench.steps(20)
    assert bench.slurm.where() == {"1": "debug"}
    bench.slurm.records["1"]["partition"] = "committed"  # a site's, but not by us
    bench.steps(20)
    assert bench.slurm.where() == {"1": "committed"} and bench.router.asked == [("1", 1)]
    bench.slurm.records["1"]["partition"] = "gate"
    bench.steps(3)
    assert bench.slurm.where() == {"1": "burst"} and bench.router.asked[-1] == ("1", 2)


def test_a_site_that_lets_a_job_not_in_gives_way_to_the_default_and_the_daemon_does_not_spin(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.closed = {"burst"}
    bench.slurm.submit("1")
    bench.steps(60)
    assert ("move", "1", "committed") in bench.slurm.orders
    assert len(bench.slurm.orders) < 30


def test_more_jobs_than_the_scenario_has_room_for_leave_the_gate_all_the_same(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    most = int(bench.world.spec.rules[0].most_present)
    bench.slurm.submit("1")
    bench.slurm.submit("2", tres_per_node=f"gres:gpu:{most - 12}")
    bench.slurm.submit("3")
    bench.steps(2)
    (state, *_) = bench.router.states
    assert [one["id"].split("@")[0] for one in state["jobs"]] == ["1", "2"]
    assert present(Snapshot.model_validate(state), bench.world.scenario)
    bench.steps(30)
    assert bench.slurm.where()["3"] == "committed"


def test_a_shadow_sends_every_job_to_the_default_site_before_it_asks(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.is_shadow = True
    bench.begin()
    seen = []
    bench.router.strike = lambda: seen.append(bench.slurm.where()["1"])
    bench.slurm.submit("1")
    bench.steps(60)
    assert bench.router.asked == [("1", 1)] and set(seen) == {"committed"}
    assert bench.slurm.where() == {"1": "committed"}
    assert bench.router.states[0]["jobs"][0]["status"] == "new"


def test_a_job_without_accelerators_is_not_asked_about(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", tres_per_node="")
    bench.steps(2)
    assert bench.router.asked == [] and bench.slurm.where() == {"1": "committed"}


def test_the_parts_of_a_heterogeneous_job_stay_together(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst")
    bench.slurm.submit("1", het_job_id=1)
    bench.slurm.submit("2", het_job_id=1)
    bench.steps(2)
    assert bench.router.asked == [] and bench.slurm.where() == {"1": "committed", "2": "committed"}


def test_what_is_told_is_a_snapshot_that_a_world_can_be_made_of(tmp_path):
    bench = Bench(tmp_path, spread)
    for number in range(1, 8):
        bench.slurm.submit(str(number), account="a", node_count=2, tres_per_node="gres:gpu:h100:4")
    bench.steps(2)
    bench.slurm.start("1")
    bench.slurm.start("3")
    bench.slurm.submit("9")
    bench.slurm.now += 100
    bench.steps(1)
    told = bench.router.states[-1]
    snapshot = Snapshot.model_validate(told)
    by_key = {one.id.split("@")[0]: one for one in snapshot.jobs}
    assert {key: (one.status, one.site) for key, one in by_key.items()} == {
        "1": ("running", "committed"),
        "2": ("queued", "committed"),
        "3": ("running", "burst"),
        "4": ("queued", "committed"),
        "5": ("queued", "committed"),
        "6": ("queued", "burst"),
        "7": ("queued", "committed"),
        "9": ("new", None),
    }
    assert by_key["1"].gang == 8 and by_key["1"].requested_ms == 3_600_000 and by_key["9"].is_offered
    assert present(snapshot, bench.world.scenario).ids[0] == snapshot.jobs[0].id


def test_use_and_supply_of_the_period_are_counted_from_look_to_look_and_across_restarts(tmp_path):
    bench = Bench(tmp_path)
    bench.slurm.submit("1")
    bench.steps(1)
    bench.slurm.start("1")
    bench.steps(10)
    bench.begin()
    bench.steps(10)
    meters = bench.daemon.book.meters
    assert meters["committed"].used == 8 * 19_000  # from the first look that saw it run to the last
    assert meters["committed"].delivered == 32 * 20_000 and meters["burst"].used == 0
    bench.slurm.now += 31 * 86_400
    bench.steps(1)
    assert bench.daemon.book.meters["committed"].used < 8 * 31 * 86_400_000
    assert bench.daemon.book.period_begin_ms == 30 * 86_400_000


def test_accelerators_that_other_jobs_hold_are_not_there(tmp_path):
    bench = Bench(tmp_path)
    bench.slurm.submit("1", partition="committed", tres_per_node="gres:gpu:3")
    bench.slurm.start("1")
    bench.slurm.submit("2")
    bench.steps(1)
    assert bench.router.states[0]["sites"][0]["capacity"] == 32 - 5  # the fake's nodes are used whole


def test_a_cluster_that_is_away_gets_no_job_and_its_own_jobs_stay_in_the_book(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1", **SIBLINGS)
    bench.steps(1)
    there = bench.slurm.records["1"]
    assert (there["partition"], there["federation_siblings_viable"]) == ("gpu", "b")
    bench.slurm.siblings["b"] = [dict(there)]
    there["job_state"] = "REVOKED"
    bench.steps(2)
    bench.slurm.away = {"b"}
    bench.slurm.submit("2", **SIBLINGS)
    bench.steps(2)
    assert bench.slurm.records["2"]["federation_siblings_viable"] == "a"
    assert {key.split("@")[0]: entry.action for key, entry in bench.daemon.book.jobs.items()} == {
        "1": "burst",
        "2": "committed",
    }


def test_nothing_is_forgotten_of_jobs_that_cannot_be_seen_now(tmp_path):
    bench = Bench(tmp_path, **FEDERATION)
    bench.slurm.away = {"b"}
    bench.daemon.book.jobs["134217729@1"] = Entry(attempts=3, action="committed", is_done=True)  # from the other one
    bench.steps(2)
    assert bench.daemon.book.jobs["134217729@1"].attempts == 3
    bench.slurm.away = set()
    bench.steps(1)
    assert bench.daemon.book.jobs == {}


def test_what_a_federation_has_lost_is_told_again_and_not_at_every_look(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1", **SIBLINGS)
    bench.slurm.siblings["b"] = [dict(bench.slurm.records["1"])]  # stays in the gate there
    bench.steps(1)
    bench.slurm.records["1"]["job_state"] = "REVOKED"
    bench.steps(60)
    assert len(bench.slurm.orders) == 3  # 22 s after it went unheard, and 22 s after that


def test_a_job_that_is_in_no_federation_stays_and_is_never_asked_about(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: "burst", **FEDERATION)
    bench.slurm.submit("1")
    bench.steps(20)
    assert bench.slurm.where() == {"1": "gpu"} and bench.router.asked == []
    assert [entry.action for entry in bench.daemon.book.jobs.values()] == ["committed"]


def test_a_pass_looks_at_the_most_urgent_jobs_first_and_at_all_of_them_when_capacity_is_lost(tmp_path):
    bench = Bench(tmp_path, lambda key, attempt: HOLD, priority={"by": "qos", "table": {"high": 7}})
    size = bench.world.scenario.rules.pass_size
    for number in range(1, size + 3):
        bench.slurm.submit(str(number))
    bench.slurm.submit("99", qos="high")
    bench.steps(1)
    bench.slurm.now += 10
    bench.steps(1)
    again = {key for key, attempt in bench.router.asked if attempt == 2}
    assert len(again) == size and "99" in again and str(size + 2) not in again
    bench.slurm.now += 1
    bench.slurm.capacity["burst"] -= 1
    bench.steps(1)
    assert ("99", 3) in bench.router.asked  # a second after the last time
