"""A model file is written as a whole, and never over another by accident."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from app.archive.archiving import archive
from app.files import open_folder
from app.kafka.partitions import TP
from app.model_files import ModelFileError, exported, read, write
from app.model_import import checked
from tests.app.pipeline_files import read as pipeline_of
from tests.app.training.test_training import finished, told
from tests.app.trial.streams import TEXT
from tests.app.trial.streams import write as write_stream
from tests.app.worker.committed import Kafka


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    assert read(path) == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    with pytest.raises(ModelFileError, match="is there already; --force replaces it"):
        write(path, b"two")
    assert (read(path), list(tmp_path.iterdir())) == (b"one", [path])


def test_force_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    write(path, b"two", force=True)
    assert (read(path), list(tmp_path.iterdir())) == (b"two", [path])


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none" / "model.riverrun"
    for act in (lambda: write(path, b"one"), lambda: read(path)):
        with pytest.raises(ModelFileError, match=r"model.riverrun: No such file or directory"):
            act()


class Topics:
    """Reads what workers have committed, see `Kafka`, as a `Reader`."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka

    def read(self, topic: str) -> Iterator[Message]:
        for at, (rows, _) in self.kafka.states.items():
            for offset, (key, value) in enumerate(rows.items() if at.topic == topic else ()):
                yield Message(topic, at.partition, offset, key, value, timestamp=(1, 0))


def test_the_model_of_one_learner_is_a_file_though_another_stage_decides(tmp_path: Path) -> None:
    """A budget and metrics of the whole pipeline have a stage of their own, without a model."""
    write_stream(tmp_path, orders=300)
    pipeline = pipeline_of(tmp_path, TEXT, learner__shared="learner", worker__max_batch="50")
    kafka = Kafka(pipeline, 2, told(tmp_path, pipeline))
    worker = finished(pipeline, kafka)
    learner = worker.opened.tasks[TP(pipeline.rows_topic, 0)].agent.model
    assert learner is not None
    assert learner.learned > 100
    reader: Any = Topics(kafka)
    partition, data = exported(pipeline, reader)
    model = checked(pipeline, data, None)
    assert (partition, model.learned) == (0, learner.learned)
    assert model.fingerprint() == learner.fingerprint()
    folder = open_folder(str(tmp_path / "archive"))
    (copied,) = archive(pipeline, reader, folder)
    assert folder.read(copied.file.name) == data
    assert (
        copied.file.offset == kafka.states[TP(pipeline.versions_topic, 0)][1][pipeline.rows_topic]
    )
