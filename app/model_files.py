"""Models between a pipeline's state on Kafka and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from app.errors import RiverrunError
from app.files.whole import written_aside
from app.inspection import read_states
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.models import loaded_model
from app.pipeline.stages import stages
from app.worker.state.layout import MODEL
from learners.errors import LearnerError
from learners.saved import snapshots
from learners.spread.joining import joined, plain


class ModelFileError(RiverrunError):
    """A model that is not there, or a file that cannot be read or written."""


def exported(
    pipeline: Pipeline, reader: Reader, partition: int | None = None, key: bytes | None = None
) -> tuple[int | None, bytes]:
    """The snapshot of one partition's model, as it stands on the state topic.

    The shares of several learners are joined to one model, which any pipeline of this learner
    can import.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        partition: Which; may be left out where only one has a model.
        key: Signs and checks snapshots of shares.

    Returns:
        The partition, or None for the model of several learners; and the snapshot.

    Raises:
        ModelFileError: When there is no such model, or several without a choice.
        ReadError: When the state topic is not there, or cannot be read.
        StateDamaged: When the state on Kafka is not whole.
    """
    topic, found = stages(pipeline)[-1].state_topic, _saved(pipeline, reader)
    if pipeline.learner.learners > 1:
        if partition is not None:
            raise ModelFileError(f"--partition: {topic} has one model, of several learners")
        return None, _joined(pipeline, found, key)
    chosen = _only(found, topic) if partition is None else partition
    if chosen not in found:
        raise ModelFileError(f"{topic}[{chosen}]: no model was saved there yet")
    return chosen, found[chosen]


def _joined(pipeline: Pipeline, found: Mapping[int, bytes], key: bytes | None) -> bytes:
    """The snapshot of the model of several learners, as one that was never divided."""
    spec = pipeline.learner.spec
    if missing := set(range(spec.learners)) - found.keys():
        topic = stages(pipeline)[-1].state_topic
        raise ModelFileError(f"{topic}[{min(missing)}]: no model was saved there yet")
    try:
        shares = [loaded_model(pipeline, found[n], key, n) for n in range(spec.learners)]
        return snapshots.dump(plain(joined(spec, shares)), {}, key)
    except LearnerError as error:
        raise ModelFileError(f"{pipeline.name}: the learners cannot be joined: {error}") from error


def models(pipeline: Pipeline, reader: Reader) -> dict[int, bytes]:
    """The snapshots of all partitions' models, by partition. Errors as `exported`."""
    if found := _saved(pipeline, reader):
        return found
    raise ModelFileError(f"{stages(pipeline)[-1].state_topic}: no model was saved there yet")


def _saved(pipeline: Pipeline, reader: Reader) -> dict[int, bytes]:
    states = read_states(stages(pipeline)[-1].state_topic, reader)
    return {number: state[MODEL] for number, state in sorted(states.items()) if MODEL in state}


def _only(found: Mapping[int, bytes], topic: str) -> int:
    if not found:
        raise ModelFileError(f"{topic}: no model was saved there yet")
    if len(found) > 1:
        numbers = ", ".join(map(str, found))
        raise ModelFileError(f"partitions {numbers} have a model each: choose one by --partition")
    return next(iter(found))


def write(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a file as a whole or not at all.

    Args:
        path: Where to.
        data: Its content.
        force: Whether a file that is there may be replaced.

    Raises:
        ModelFileError: When it cannot be written, or is there and `force` is not given.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with written_aside(path, draft, replace=force) as file:
            file.write(data)
    except FileExistsError:
        raise ModelFileError(f"{path}: is there already; --force replaces it") from None
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from error


def read(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ModelFileError: When it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror or error}") from error
