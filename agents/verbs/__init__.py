"""One file per verb of the command `tidegate`. What is heavy to import is imported inside the verb, so that `--help` is instant."""
