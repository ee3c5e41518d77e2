"""Who decides: rules, what learns, how both are compared, and the command line."""
