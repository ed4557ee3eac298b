"""The history of a pipeline: events whose labels have come, as they were scored."""
