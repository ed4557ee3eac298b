"""Puts archived models into a pipeline that has not run yet, at their offsets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.archive.names import Archived, archived, digest
from app.errors import RiverrunError
from app.files import Folder
from app.kafka.settings import KafkaSettings
from app.model_import import Imported, ImportRefused, checked, import_models
from app.pipeline.load import Pipeline


class ArchiveRefused(RiverrunError):
    """An archived model that is not there, or is not what its name says."""


def restore(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    folder: Folder,
    source: str,
    at: datetime | None = None,
    key: bytes | None = None,
) -> list[Imported]:
    """Put the newest archived model of each partition into a new pipeline, at its offset.

    Args:
        pipeline: Which one; it has neither models nor committed offsets.
        kafka: Reaches its cluster.
        folder: Holds the archive.
        source: The name of the pipeline that was archived.
        at: Models that were archived later do not count.
        key: Signs and checks models.

    Raises:
        ArchiveRefused: There is none, or one is damaged.
        FilesError, FilesAway: The folder cannot be read.
        ImportRefused, GroupInUse, RestoreRefused: See `import_models`.
    """
    found = {}
    for partition, file in newest(folder, source, at).items():
        found[partition] = read(folder, file)
        try:
            checked(pipeline, found[partition], key, partition)
        except ImportRefused as error:
            raise ArchiveRefused(f"{folder.url}: {file.name}: {error}") from error
    return import_models(pipeline, kafka, found, key)


def newest(folder: Folder, source: str, at: datetime | None) -> Mapping[int, Archived]:
    """By partition, the newest archived model that is no later than a time.

    Raises:
        ArchiveRefused: There is none.
    """
    files = [file for file in archived(folder.names(source)) if file.pipeline == source]
    found = {file.partition: file for file in files if at is None or file.time <= at}
    if not found:
        when = "" if at is None else f" of {at:%Y-%m-%d %H:%M:%S} UTC or before"
        raise ArchiveRefused(f"{folder.url}: has no archived model of {source}{when}")
    return found


def read(folder: Folder, file: Archived) -> bytes:
    """The content of an archived model.

    Raises:
        ArchiveRefused: It is damaged.
    """
    data = folder.read(file.name)
    if digest(data) != file.sha256:
        raise ArchiveRefused(
            f"{folder.url}: {file.name} is damaged, its SHA-256 is another one; --at takes an"
            " older one"
        )
    return data
