"""Section 7: meters, floors, settlement, what is accrued, what a job costs."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a price step posts what ran at the old price at the new one",
        "supply.py",
        "            post_burst(spec, world, step.site)\n        change_price(world, step.site, step.price)\n",
        "            change_price(world, step.site, step.price)\n            post_burst(spec, world, step.site)\n"
        "        change_price(world, step.site, step.price)\n",
    ),
    Mutant(
        "a price step to the same price posts nothing",
        "supply.py",
        "if spec.rules[0].take_or_pay[spec.rules[0].provider[step.site]] == 0:",
        "if spec.rules[0].take_or_pay[spec.rules[0].provider[step.site]] == 0 and "
        "step.price != state.price[step.site]:",
    ),
    Mutant(
        "a meter that posts nothing goes on",
        "ledger.py",
        "    state.use_offset[site] = -state.metered[site] * state.now\n    post(world, provider, BURST_USE",
        "    if amount != 0:\n        state.use_offset[site] = -state.metered[site] * state.now\n"
        "    post(world, provider, BURST_USE",
    ),
    Mutant(
        "amounts of zero are posted",
        "ledger.py",
        "    if amount != 0:\n        record(world, POST",
        "    if True:\n        record(world, POST",
    ),
    Mutant(
        "a run that fills its billing increment pays another",
        "ledger.py",
        "(ran + increment - 1) // increment * increment - ran",
        "(ran // increment + 1) * increment - ran",
    ),
    Mutant(
        "billing increments mean something under take-or-pay",
        "ledger.py",
        "if increment == 0 or spec.rules[0].take_or_pay[spec.rules[0].provider[item.site]] == 1:",
        "if increment == 0:",
    ),
    Mutant(
        "a run that ends pays no rest of its billing increment",
        "runs.py",
        "item.spent += run_cost(spec, world, slot) + fill_increment(spec, world, slot)",
        "item.spent += run_cost(spec, world, slot)",
    ),
    Mutant(
        "the rest of a billing increment is no part of what a job has cost",
        "runs.py",
        "item.spent += run_cost(spec, world, slot) + fill_increment(spec, world, slot)",
        "item.spent += run_cost(spec, world, slot)\n    fill_increment(spec, world, slot)",
    ),
    Mutant(
        "what was posted at a price step is no part of the spend",
        "ledger.py",
        "    total = world.state[0].spend[provider]\n",
        "    total = 0\n",
    ),
    Mutant(
        "a spend that just reaches the budget has not spent it",
        "ledger.py",
        "spend(spec, world, provider) >= budget",
        "spend(spec, world, provider) > budget",
    ),
    Mutant(
        "the spend goes on through the period's end",
        "ledger.py",
        "            state.spend[provider] = 0\n",
        "",
    ),
    Mutant(
        "egress is part of the spend",
        "runs.py",
        "    state.egress[provider] += amount\n",
        "    state.egress[provider] += amount\n    state.spend[provider] += amount\n",
    ),
    Mutant(
        "a floor of money is owed beyond the contract's end",
        "ledger.py",
        "min(state.now, rules.ends[provider])",
        "state.now",
    ),
    Mutant(
        "a contract that ended before the period gives money back",
        "ledger.py",
        "elapsed = max(0, min(state.now, rules.ends[provider]) - state.period_begin) // MINUTE",
        "elapsed = (min(state.now, rules.ends[provider]) - state.period_begin) // MINUTE",
    ),
    Mutant(
        "a floor of money accrues in whole shares of a minute",
        "ledger.py",
        "            + rules.floor_money[provider] % minutes * elapsed // minutes\n",
        "",
    ),
    Mutant(
        "a floor is a share of the present capacity",
        "ledger.py",
        "    state.delivered_offset[site] += change\n",
        "",
    ),
    Mutant(
        "capacity that was delivered is delivered again in the next period",
        "ledger.py",
        "            state.delivered_offset[site] = -state.capacity[site] * state.now\n",
        "",
    ),
    Mutant(
        "what is carried does not spare any overage",
        "ledger.py",
        " - world.state[0].carried[provider]",
        "",
    ),
    Mutant(
        "more is carried than was left unused",
        "ledger.py",
        "min(floor - used, permille(floor, rules.carry[provider]))",
        "permille(floor, rules.carry[provider])",
    ),
    Mutant(
        "all that was left unused is carried",
        "ledger.py",
        "min(floor - used, permille(floor, rules.carry[provider]))",
        "floor - used",
    ),
    Mutant(
        "nobody bills in arrears",
        "ledger.py",
        "floor - used if rules.in_arrears[provider] == 1 else 0",
        "0",
    ),
    Mutant(
        "overage is charged at the price",
        "ledger.py",
        "permille(beyond, spec.rules[0].overage_ratio[provider]) if beyond > 0",
        "beyond if beyond > 0",
    ),
    Mutant(
        "OVERAGE is settled after USED",
        "ledger.py",
        "    post(world, provider, OVERAGE, overage)\n    post(world, provider, USED, used)\n",
        "    post(world, provider, USED, used)\n    post(world, provider, OVERAGE, overage)\n",
    ),
    Mutant(
        "SHORTFALL is settled before FEE",
        "ledger.py",
        "    post(world, provider, FEE, floor - shortfall)\n    post(world, provider, SHORTFALL, shortfall)\n",
        "    post(world, provider, SHORTFALL, shortfall)\n    post(world, provider, FEE, floor - shortfall)\n",
    ),
    Mutant(
        "a period's delay is what was waited since the beginning",
        "ledger.py",
        "post(world, cls, DELAY, total - state.delay_posted[cls])",
        "post(world, cls, DELAY, total)",
    ),
    Mutant(
        "what a set-up takes from a block is not waited",
        "ledger.py",
        "world.state[0].wait_offset[cls] += missing",
        "world.state[0].wait_offset[cls] += 0",
    ),
    Mutant(
        "delay counts whole granules",
        "runs.py",
        "    wait(world, work.cls, -work.gang)\n",
        "    wait(world, work.cls, -item.accelerators)\n",
    ),
    Mutant(
        "overage is no cost before it is posted",
        "ledger.py",
        "world.state[0].overage[provider] + overage_so_far(spec, world, provider)",
        "world.state[0].overage[provider]",
    ),
    Mutant(
        "metered use is no cost before it is posted",
        "ledger.py",
        "state.burst[provider] - state.spend[provider] + spend(spec, world, provider)",
        "state.burst[provider]",
    ),
    Mutant(
        "a floor is no cost before it is posted",
        "ledger.py",
        "state.fee[provider] + state.shortfall[provider] + floor_so_far(spec, world, provider)",
        "state.fee[provider] + state.shortfall[provider]",
    ),
    Mutant(
        "a shortfall is no part of the floors",
        "ledger.py",
        "state.fee[provider] + state.shortfall[provider] + floor_so_far(spec, world, provider)",
        "state.fee[provider] + floor_so_far(spec, world, provider)",
    ),
    Mutant(
        "a job costs what it ran times the last price",
        "ledger.py",
        "    state.price_offset[site] += (state.price[site] - price) * state.now\n",
        "",
    ),
    Mutant(
        "a run costs something under take-or-pay",
        "ledger.py",
        "    if spec.rules[0].take_or_pay[spec.rules[0].provider[item.site]] == 1:\n        return 0\n    paid",
        "    paid",
    ),
    Mutant(
        "egress is no part of what a job has cost",
        "runs.py",
        "    item.spent += amount\n",
        "",
    ),
)
