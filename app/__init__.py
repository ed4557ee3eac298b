"""The runtime: command line, pipeline files, Kafka, transactions, restore."""
