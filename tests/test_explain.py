"""`tidegate explain`: the offer is that of the episode, the parts add up, and a branch is what would have been."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation import policies
from tidegate.agents.explain import answer, branches, known, offer, text, weights
from tidegate.agents.explain.option import options
from tidegate.agents.explain.sentence import duration, sentence
from tidegate.agents.verbs import episode
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.log import ARRIVE, OFFER
from tidegate.fastsim.observe import CLOCK_COUNT, FIRST_PART, JOB_COUNT, SITE_COUNT
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.weighing import PARTS

from .explained import SEED, event_log, network, offers_of, often_offered, rule, silent
from .test_policy_names import learned

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="weeks of episodes take minutes as plain Python")


@pytest.fixture(scope="module")
def world():
    return load("small_team")


@pytest.fixture(scope="module")
def log(world) -> np.ndarray:
    return event_log(world)


@pytest.fixture(scope="module")
def offers(log) -> np.ndarray:
    return offers_of(log)


@pytest.fixture(scope="module")
def repeated(offers) -> int:
    return often_offered(offers)


def test_a_job_and_its_offers_are_those_of_the_event_log(world, log, offers, repeated):
    own = offers[offers[:, 2] == repeated]
    for attempt in (1, 2, len(own) // 2):
        found = offer.find(world, rule("cost-greedy"), SEED, repeated, attempt, 24, silent)
        at, _, _, place, asked = own[attempt - 1]
        assert (found.job, found.now, found.action, found.asked) == (repeated, at, place, asked)
        assert found.item.attempts == attempt - 1
    (arrival,) = log[(log[:, 1] == ARRIVE) & (log[:, 2] == repeated)]
    assert (found.work.arrival, found.work.gang) == (arrival[0], arrival[4])


def test_without_a_job_it_is_the_first_new_one_after_the_warm_up(world, offers):
    found = offer.find(world, rule("cost-greedy"), SEED, None, 1, 24, silent)
    first_times = offers[np.sort(np.unique(offers[:, 2], return_index=True)[1])]
    expected = first_times[first_times[:, 0] >= world.episodes.warm_up_days * DAY][0]
    assert [found.now, found.job, found.action] == expected[[0, 2, 3]].tolist()


def test_the_action_told_is_the_one_that_a_learned_policy_takes(world):
    agent = network(5)
    events = episode.played(world, agent, SEED, 2, silent).log()
    offered = events[events[:, 1] == OFFER]
    for row in offered[:: len(offered) // 5]:
        earlier = offered[(offered[:, 2] == row[2]) & (offered[:, 0] < row[0])]
        found = offer.find(world, agent, SEED, int(row[2]), len(earlier) + 1, 24, silent)
        assert (found.now, found.action) == (row[0], row[3])
        scores = weights.scored(agent, found.worlds.observations[0], len(world.sites))
        legal = np.where(found.mask, [one.score for one in scores], -np.inf)
        assert int(np.argmax(legal)) == found.action


@pytest.mark.parametrize("seed", range(4))
def test_parts_sum_to_the_score_of_the_kernel(world, seed):
    found = offer.find(world, rule("cost-greedy"), SEED, 900, 1, 24, silent)
    agent, observation = network(seed, scale=0.3), found.worlds.observations[0]
    scores = weights.scored(agent, observation, len(world.sites))
    assert any(abs(one.hidden) > 0.01 for one in scores) and any(one.favour != 0 for one in scores[:-1])
    for one in scores:
        assert one.hidden + one.favour + one.cost_term == pytest.approx(one.score, abs=1e-4)
        assert one.cost_term == pytest.approx(-2.0 * math.log(sum(one.counted.values()) + 1e-9), abs=1e-6)
        shares = {name: one.counted[name] / one.factors[name] for name in one.counted}
        assert all(0 <= share <= 1 for share in shares.values())


def test_what_is_known_is_what_the_observation_shows(world, repeated):
    found = offer.find(world, rule("cost-greedy"), SEED, repeated, 2, 24, silent)
    seen, observation = known.read(found), found.worlds.observations[0]
    total = max(seen.parts[:, :5].sum(), 1.0)
    assert seen.parts[:, :5].sum() > 0 and len(options(found, seen)) == len(world.sites) + 1
    for site in np.flatnonzero(found.mask[:-1]).tolist():
        first = FIRST_PART + site * SITE_COUNT
        shown = observation[first : first + PARTS]
        assert seen.parts[site, :5] / total == pytest.approx(shown[:5], abs=1e-6)
        assert (seen.sites.lost[site] >= 0) == (shown[5] == 1)
        wait = observation[JOB_COUNT + CLOCK_COUNT + site * SITE_COUNT + 8]
        assert seen.sites.wait[site] / (HOUR + seen.sites.wait[site]) == pytest.approx(wait, abs=1e-6)


def test_who_would_make_way_is_named_with_what_they_lose():
    lab = load("mid_lab")
    agent = rule("cost-greedy")
    worlds = offer.find(lab, agent, 1, 9000, 1, 24, silent).worlds
    seen = []

    def look(item) -> bool:
        found = offer.Found(lab, agent, 1, worlds, int(item.job), 0, 0)
        read = known.read(found)
        seen.extend((found, site, read) for site in range(len(lab.sites)) if read.victims[site])
        return bool(seen)

    assert offer._step(worlds, agent, worlds.state().now + 2 * DAY, look)
    found, site, read = seen[0]
    live = worlds.batch.live[0]
    row = read.sites[site]
    lost = 0
    for job in read.victims[site]:
        (item,) = live[(live.job == job) & (live.site == site) & (live.start >= 0)]
        work, rules = worlds.jobs[job], worlds.spec.rules[0]
        assert work.priority < found.work.priority
        done, interval = max(0, found.now - item.begin), rules.checkpoint[work.cls]
        lost += item.accelerators * ((done % interval if interval else done) + rules.restart[work.cls])
    assert lost == row.lost
    (option,) = [one for one in options(found, read) if one.name == lab.sites[site].name]
    assert option.facts["makes_way"]["jobs"] == read.victims[site] and option.parts["evicting"] > 0
    start = f"start in {duration(row.wait / HOUR)} "
    assert start in sentence(options(found, read), site, None) and " make way, sooner ($" in sentence(
        [option._replace(facts={"makes_way": {"jobs": [1, 2]}}), option, options(found, read)[-1]], 0, None
    )
    for one in weights.scored(network(1), worlds.observations[0], len(lab.sites)):
        assert one.hidden + one.favour + one.cost_term == pytest.approx(one.score, abs=1e-4)


def test_the_sentence_names_the_choice_and_its_largest_advantage(world, offers, repeated):
    for action in range(2):
        rows = offers[(offers[:, 3] == action) & (offers[:, 0] > 2 * DAY)]
        row = rows[len(rows) // 2]
        earlier = offers[(offers[:, 2] == row[2]) & (offers[:, 0] < row[0])]
        found = offer.find(world, rule("cost-greedy"), SEED, int(row[2]), len(earlier) + 1, 24, silent)
        choices = options(found, known.read(found))
        said = sentence(choices, found.action, None)
        assert said.startswith(world.sites[action].name) and said.endswith(".")
        others = [one.name for one in choices[:-1] if one.is_legal and one.name != world.sites[action].name]
        assert any(f"on {name} it would cost" in said for name in others)
        assert "costs nothing at the margin" in said or "costs $" in said


def test_the_last_day_of_a_scenario_has_no_branches(world):
    short = world.model_copy(update={"episodes": world.episodes.model_copy(update={"span_days": 8})})
    late = offer.find(world, rule("cost-greedy"), SEED, None, 1, 24, silent)._replace(scenario=short)
    with pytest.raises(InputError, match="is offered on the last of the 8 days"):
        branches.branched(late, 24, 0, silent)


def test_who_holds_is_told_so(world):
    found = offer.find(world, network(1, hold=200.0), SEED, 900, 1, 24, silent)
    scores = weights.scored(found.agent, found.worlds.observations[0], len(world.sites))
    assert found.action == len(world.sites) and found.mask[-1]
    said = sentence(options(found, known.read(found)), found.action, scores)
    assert said.startswith("held, to be offered again in ") and " of delay), because on " in said


def test_a_site_that_nothing_speaks_for_but_the_policy_is_told_so(world):
    found = offer.find(world, rule("cost-greedy"), SEED, 900, 1, 24, silent)
    cheap, dear = options(found, known.read(found))[:2]
    cheap = cheap._replace(parts={"metered": 0.0, "waiting": 0.0}, start_hours=0.0)
    dear = dear._replace(parts={"metered": 90.0, "waiting": 0.0}, start_hours=0.0)
    hold = options(found, known.read(found))[-1]
    said = sentence([cheap, dear, hold], 1, None)
    assert said.startswith(f"{dear.name}, by the policy's own rule, although it costs $90.00 at the margin")
    assert sentence([cheap, dear, hold], 0, None).startswith(f"{cheap.name}, because it costs nothing at the margin")
    twin = cheap._replace(name="twin")
    assert sentence([cheap, twin, dear, hold], 0, None).startswith(f"{cheap.name} (as on twin), because")


def answered(capsys, *argv: object) -> str:
    assert cli.main(["explain", *(str(part) for part in argv)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out


def refused(capsys, *argv: object) -> str:
    with pytest.raises(SystemExit) as end:
        cli.main(["explain", *(str(part) for part in argv)])
    told = capsys.readouterr()
    assert end.value.code == 2 and told.out == "" and told.err.count("\n") == 1
    return told.err


def test_json_holds_every_part(capsys, offers, repeated):
    options_ = ["--scenario", "small_team", "--seed", SEED, "--job", repeated, "--attempt", 2, "--futures", 2]
    told = json.loads(answered(capsys, "cost-greedy", *options_, "--hours", 48, "--json"))
    row = offers[offers[:, 2] == repeated][1]
    names = ["committed", "on_demand", "spot", "hold"]
    assert told["decision"] == names[row[3]] and told["time_ms"] == row[0] and told["scores"] is None
    assert told["sentence"].startswith(told["decision"])
    assert told["job"]["number"] == repeated and told["job"]["offer"] == 2
    assert [one["action"] for one in told["actions"]] == names
    assert [one["is_taken"] for one in told["actions"]].count(True) == 1
    played = told["branches"]
    assert played["hours"] == 48 and played["futures"] == 2
    for one in played["actions"]:
        for who in ("cost", "more"):
            parts = one[who]
            for name in ("whole", "metered", "delay", "penalties"):
                assert parts["job"][name] + parts["others"][name] == pytest.approx(parts["cluster"][name], abs=1e-5)
            assert parts["cluster"]["whole"] == pytest.approx(
                sum(parts["cluster"][name] for name in ("metered", "delay", "penalties")), abs=1e-5
            )
        if one["action"] == told["decision"]:
            assert one["more"]["cluster"]["whole"] == 0 and one["more_in_futures"]["cluster"]["mean"] == 0
        assert one["more_in_futures"]["job"]["standard_error"] >= 0


def test_the_text_says_what_was_chosen_and_what_the_others_cost(capsys):
    out = answered(capsys, "first-fit", "--scenario", "small_team", "--seed", SEED, "--job", 900, "--futures", 5)
    first, *lines = out.splitlines()
    chosen = first.split(",")[0].split(" ")[0]
    assert any(f"{chosen} <" in line for line in lines)
    assert any(line.startswith("job ") and "900: " in line for line in lines)
    assert f"$ more than {chosen}, in the true future" in out
    assert max(len(line) for line in lines) <= 120


def test_the_scores_of_a_learned_policy_are_told_in_dollars(world):
    agent = network(2)
    found = offer.find(world, agent, SEED, 900, 1, 24, silent)
    told = answer.answered(found, branches.branched(found, 24, 0, silent))
    assert [one["action"] for one in told["scores"]] == [one["action"] for one in told["actions"] if one["is_legal"]]
    for score, action in zip(told["scores"], [one for one in told["actions"] if one["is_legal"]], strict=True):
        assert score["hidden"] + score["favour"] + score["cost_term"] == pytest.approx(score["score"], abs=1e-4)
        if action["action"] == "hold":
            continue
        factor, counted = score["a_dollar_counts"]["metered"], score["counted"]["metered"]
        assert counted == pytest.approx(factor * action["costs"]["metered"], rel=1e-4, abs=1e-4)
    best = max(told["scores"], key=lambda one: one["score"])
    assert best["action"] == told["decision"]


def test_a_bundle_is_explained_in_the_scenario_that_it_keeps(capsys, world, tmp_path):
    pytest.importorskip("torch")
    from tidegate.agents.ppo.export import export
    from tidegate.trained.manifest import described

    learned(tmp_path, policies.SCHEMA)
    run = tmp_path / "run"
    (run / "scenario.json").write_text(json.dumps(described(world)))
    (run / "observation.json").write_text(json.dumps({**policies.SCHEMA, "sites": len(world.sites)}))
    bundle = export(run, tmp_path / "of_small_team")
    options_ = ["--seed", SEED, "--job", 900, "--hours", 24, "--futures", 5]
    told = json.loads(answered(capsys, bundle, *options_, "--json"))
    assert told["scenario"] == "small_team" and told["policy"] == str(bundle)
    best = max(told["scores"], key=lambda one: one["score"])
    assert best["action"] == told["decision"] and best["hidden"] != 0
    out = answered(capsys, bundle, *options_)
    assert (
        "how it is weighed" in out
        and "of hidden layers" in out
        and "To hold counts as waiting for" in out
        and "is next, " in out
    )


def test_the_part_that_decided_is_named():
    def score(action: str, cost_term: float, favour: float, **counted: float) -> dict:
        parts = {"cost_term": cost_term, "favour": favour, "hidden": 0.0, "score": cost_term + favour}
        return {"action": action, "as_at": "a", "counted": counted, **parts}

    near, far = score("b", 1.0, 0.0, metered=5.0, waiting=2.0), score("c", 0.1, 0.0, metered=90.0)
    told = {"decision": "a", "scores": [score("a", 2.0, 0.0, waiting=3.0), far, near]}
    assert text.decided(told)[-1].endswith(
        "b is next, 1.000 behind, most by metered, for which $5.00 more are counted there."
    )
    told["scores"][0] = score("a", 0.9, 4.0, metered=6.0)
    assert text.decided(told)[-1].endswith("b is next, 3.900 behind, 4.000 of it by favour.")


def test_one_future_is_too_few_for_a_verdict_and_many_are_not():
    spread = {"mean": 10.0, "standard_error": 1.0}
    lost, own = {"mean": 10.0, "standard_error": 9.0}, {"mean": -4.0, "standard_error": 1.0}

    def verdicts(futures_: int, cluster: dict, job: dict) -> list[str]:
        other = {"action": "b", "more_in_futures": {"cluster": cluster, "job": job}}
        taken = {"action": "a", "more_in_futures": {"cluster": {}, "job": {}}}
        return text.verdicts({"decision": "a", "branches": {"futures": futures_, "actions": [taken, other]}})

    assert "too few" in verdicts(2, spread, spread)[0]
    assert verdicts(8, spread, spread) == ["b is dearer than a by $10.00 ± 1.00."]
    assert verdicts(8, lost, own)[0].startswith("b is cheaper for the job, by $4.00 ± 1.00;")
    assert verdicts(8, lost, lost) == ["b cannot be told from a."]


def test_the_example_of_the_page_is_what_the_command_prints(capsys, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "explain.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    tidegate explain (.+) \| python docs/explain.py$", page, re.MULTILINE)
    (shown,) = re.findall(r"^```text\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("COLUMNS", "120")
    assert answered(capsys, *command.split()) == shown


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["cost-greedy"], "explain: scenario, none, only a bundle keeps one"),
        (["cost-greedi", "--scenario", "small_team"], "policy: name, cost-greedi"),
        (["cost-greedy", "--scenario", "smal_team"], "small_team"),
        (["rolling-lp", "--scenario", "small_team"], "explain: policy, rolling-lp, plans"),
        (["cost-greedy", "--scenario", "small_team", "--attempt", 2], "explain: attempt, 2, of which job is not said"),
        (["cost-greedy", "--scenario", "small_team", "--job", 10**8], "explain: job, 100000000, only "),
        (
            ["cost-greedy", "--scenario", "small_team", "--job", 0, "--attempt", 10**6],
            "explain: attempt, 1000000, job 0",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused(capsys, argv, told):
    assert told in refused(capsys, *argv)


def test_a_job_that_is_never_offered_is_refused(world, monkeypatch):
    def with_one_that_fits_nowhere(*names: Any) -> np.ndarray:
        jobs = generate(*names)
        jobs.tags[900] = 1 << 30
        return jobs

    generate = offer.generate
    monkeypatch.setattr(offer, "generate", with_one_that_fits_nowhere)
    assert offer.find(world, rule("cost-greedy"), SEED, 901, 1, 24, silent).job == 901
    with pytest.raises(InputError, match="job, 900, is not offered in small_team before it leaves"):
        offer.find(world, rule("cost-greedy"), SEED, 900, 1, 24, silent)


@pytest.mark.parametrize(
    ("mask", "wish", "action"),
    [((1, 1, 1), 1, 1), ((1, 0, 1), 1, 2), ((0, 1, 0), 0, 1), ((1, 1, 0), 7, 0), ((0, 1, 1), -1, 2)],
)
def test_an_illegal_wish_becomes_hold_or_the_lowest_legal_site(mask, wish, action):
    assert offer.legal(np.array(mask, bool), wish) == action
