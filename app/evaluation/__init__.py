"""Predictions on Kafka against what came true."""
