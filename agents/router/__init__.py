"""The router: a cluster as it is now, decisions about its jobs, a log of them, and the service that gives them."""
