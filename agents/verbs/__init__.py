"""The verbs of the command `tidegate`, one a file. What is heavy is imported inside the verb: `--help` is instant."""
