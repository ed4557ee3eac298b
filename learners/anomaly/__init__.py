"""Learners of anomalies."""
