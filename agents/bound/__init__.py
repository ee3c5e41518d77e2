"""How low the cost of an episode can be for somebody who knows its future: a bound, an exact optimum, a policy."""
