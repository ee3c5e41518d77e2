"""Registers `tidegate/Routing-v0` with Gymnasium when it is imported.

`import tidegate.envs.registration`, then `gymnasium.make("tidegate/Routing-v0", scenario="small_team")`; or in one go
`gymnasium.make("tidegate.envs.registration:tidegate/Routing-v0", scenario="small_team")`. Gymnasium has read no entry
points since 1.0, so an import it must be.
"""

import gymnasium

ENV_ID = "tidegate/Routing-v0"


def register_all() -> None:
    """Make the ids known; a second call changes nothing."""
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            ENV_ID,
            entry_point="tidegate.envs.single:RoutingEnv",
            vector_entry_point="tidegate.envs.vector:RoutingVectorEnv",
        )


register_all()
