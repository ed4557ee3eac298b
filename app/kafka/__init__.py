"""Reaching Kafka: settings of every client, the cluster, its topics."""
