"""The state of a worker's partitions: its topic, its restore, its standbys."""
