"""What is deployed: bundles of learned policies that load, verify themselves and decide, without the learner."""
