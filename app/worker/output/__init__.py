"""The output of a worker: one transaction of predictions, state and offsets."""
