"""Linear learners: one algorithm a file."""
