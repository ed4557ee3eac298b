"""The contract of a learner, as checks."""
