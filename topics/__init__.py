"""What is said on Kafka: records, codecs, topic specifications, dead letters."""
