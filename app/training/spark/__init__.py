"""Learns a history that Spark reads, sorts and divides."""
