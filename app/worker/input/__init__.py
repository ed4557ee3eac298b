"""The input of a worker: records of its partitions, merged in the order of time."""
