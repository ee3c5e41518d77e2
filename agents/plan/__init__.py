"""How much to commit to: what every size of a commitment costs, and what contracts and routing are worth."""
