"""Copies the models of a pipeline to a folder, as `model export` writes them.

It reads the state topic as any other reader does, in a process of its own: a folder that is slow
or away costs the workers nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.archive.names import Archived, archived, digest, draft
from app.files import FileThere, Folder
from app.kafka.reading import Reader
from app.model_files import models
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from learners.saved import snapshots

ABANDONED = timedelta(days=1)
"""After so long a draft is what a killed archiver has left: no model takes a day to be written."""


@dataclass(frozen=True)
class Copied:
    """What was done about one partition.

    Attributes:
        file: The archived model.
        learned: Events that it has learned.
        new: Whether it was written now; else the newest archived one is the same.
    """

    file: Archived
    learned: int
    new: bool


def archive(
    pipeline: Pipeline,
    reader: Reader,
    folder: Folder,
    keep: int | None = None,
    now: datetime | None = None,
) -> list[Copied]:
    """Write the model of each partition that has changed since the newest archived one.

    Args:
        pipeline: Whose models.
        reader: Reads its topics.
        folder: Where to. A file is there as a whole or not at all.
        keep: How many of each partition stay, the newest ones; None: all.
        now: The time that the names get.

    Raises:
        ModelFileError: No model was saved yet.
        ReadError, StateDamaged: The state topic cannot be read.
        FilesError, FilesAway: The folder cannot be read or written.
    """
    time = (now or datetime.now(UTC)).replace(microsecond=0)
    _clear(pipeline, folder, time)
    there = defaultdict(list)
    for file in archived(folder.names(pipeline.name)):
        there[file.partition].append(file)
    done = []
    for partition, data in models(pipeline, reader).items():
        copied = _copied(pipeline, folder, there[partition], partition, data, time)
        if copied.new:
            there[partition].append(copied.file)
        for old in sorted(there[partition])[:-keep] if keep else ():
            folder.delete(old.name)
        done.append(copied)
    return done


def _clear(pipeline: Pipeline, folder: Folder, time: datetime) -> None:
    """Delete the drafts that killed archivers of this pipeline have left.

    An archiver that still writes after such a time fails at its rename, and tries again later.
    """
    for name in folder.drafts(pipeline.name):
        if (left := draft(name)) is not None and left.time < time - ABANDONED:
            folder.delete(name)


def _copied(
    pipeline: Pipeline,
    folder: Folder,
    there: list[Archived],
    partition: int,
    data: bytes,
    time: datetime,
) -> Copied:
    header = snapshots.read_header(data)
    offset = header.offsets.get(stages(pipeline)[-1].inputs[0], 0)
    file = Archived(partition, time, offset, digest(data), pipeline.name)
    if there and max(there).sha256 == file.sha256:
        return Copied(max(there), header.learned, new=False)
    try:
        folder.write(file.name, data)
    except FileThere:  # another archive of this second: the digest says that it is the same
        return Copied(file, header.learned, new=False)
    return Copied(file, header.learned, new=True)
