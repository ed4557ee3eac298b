"""A pipeline over a file, in this process, without Kafka."""
