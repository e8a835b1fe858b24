"""Rules that a resource of the right shape must still obey."""
