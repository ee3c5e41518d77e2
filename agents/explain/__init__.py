"""Why this site: one offer of an episode, what was known of it, how it was weighed, and what else could have come."""
