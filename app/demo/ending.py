"""Whether all is done, and what the model on Kafka has learned by then."""

from __future__ import annotations

from app.inspection import inspect
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages


def is_done(pipeline: Pipeline, reader: Reader) -> bool:
    """Whether the workers have committed all that lies on the inputs of all stages."""
    topics = [topic for stage in stages(pipeline) for topic in stage.inputs]
    return not any(_is_left(topic, reader) for topic in topics)


def learned(pipeline: Pipeline, reader: Reader) -> int:
    """Labels that the models have learned, all partitions together."""
    return sum(report.learned for report in inspect(pipeline, reader))


def _is_left(topic: str, reader: Reader) -> bool:
    start = {partition: offset or 0 for partition, offset in reader.committed(topic).items()}
    return any(True for _ in reader.read(topic, start))
