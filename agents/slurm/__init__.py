"""The hold-and-release daemon in front of Slurm: jobs wait in a gate until the router has said where they run."""
