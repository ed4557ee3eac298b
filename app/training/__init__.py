"""Learns a history of files by the agents of a worker, and puts what came of it into a pipeline."""
