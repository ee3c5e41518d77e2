"""Learning: the policy network, its training with PPO, and the export of what was learned."""
