"""One model for all partitions: rows on their way to its learner, and its versions."""
