"""Sinks that Kafka Connect carries: their configurations, and its REST interface."""
