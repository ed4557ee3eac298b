"""What is on Kafka: records, codecs, topic specifications, dead letters."""
