"""What came true: the labels of events, from the events themselves or from the labels' topic."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from agents.events.limits import label_value
from agents.labels.counts import LabelShare
from app.evaluation.topics import Topics
from app.pipeline.load import Pipeline
from app.pipeline.stages import joins_by_id
from app.pipeline.streams import Labels
from app.pipeline.topics import codec_of
from learners.base import UNSUPERVISED
from learners.errors import LabelError
from learners.labels import check_label
from learners.model import Model
from topics.codecs import Codec
from topics.errors import DecodeError
from topics.records import Record

_NONE: tuple[Any, int, int | None] = (None, 0, None)


class Truth:
    """The labels of a pipeline's events, as the learner takes them.

    Of several late labels of an id the last one counts. An event without one has the label of
    `labels.on_expire`, if that is one, once its partition has gone on for `labels.expire`.

    Args:
        pipeline: With or without late labels; those are read at once.
        reader: Reads them.
        model: It knows which labels it takes.

    Attributes:
        elsewhere: How many events have their label on other partitions only.

    Raises:
        ReadError: When the labels' topic is not there, or cannot be read.
    """

    def __init__(self, pipeline: Pipeline, reader: Topics, model: Model) -> None:
        self._field = pipeline.events.label
        self._settings = pipeline.labels
        self._by_id = joins_by_id(pipeline)
        self._model = model
        table = pipeline.labels or pipeline.events
        self._values = table.label_values
        self._latest: dict[int, int] = defaultdict(int)
        self._late: dict[Any, tuple[Any, int, int | None]] = {}
        self._met: set[Any] = set()
        self.elsewhere = 0
        if pipeline.labels is not None:
            self._read(pipeline.labels, codec_of(pipeline, "labels"), reader)

    def saw(self, record: Record) -> None:
        """Move the time of a partition on."""
        partition, (_, time) = record.partition() or 0, record.timestamp()
        self._latest[partition] = max(time, self._latest[partition])

    def of(self, id_: Any, partition: int, fields: Mapping[str, Any]) -> Any:
        """The label of an event that is known; None where there is none."""
        if self._settings is None:
            return self._label(fields.get(self._field)) if self._field else None
        label, partitions, _ = self._late.get(id_, _NONE)
        if label is not None and id_ not in self._met:
            self._met.add(id_)
            self.elsewhere += not (self._by_id or partitions >> partition & 1)
        return label

    def known_at(self, id_: Any) -> int | None:
        """When the late label of an event came, in milliseconds since 1970; None for no such."""
        return self._late.get(id_, _NONE)[2]

    @property
    def share(self) -> LabelShare:
        """How many labels, of an id each, are where their event is, so that they meet."""
        return LabelShare(len(self._met) - self.elsewhere, len(self._late))

    @property
    def unmatched(self) -> int:
        """How many labels, of an id each, met none of the events so far."""
        return len(self._late) - len(self._met)

    def expired(self, partition: int, time: int) -> Any:
        """The label of an event of that time that got none; None where that is no label."""
        settings = self._settings
        if settings is None or settings.on_expire == "drop":
            return None
        if time + settings.expire * 1000 > self._latest[partition]:
            return None
        return self._label(settings.on_expire)

    def expiry(self, time: int) -> int | None:
        """When an event of that time expires; None where labels are not late."""
        return None if self._settings is None else time + round(self._settings.expire * 1000)

    def _read(self, labels: Labels, codec: Codec, reader: Topics) -> None:
        for record in reader.read(labels.topic):
            self.saw(record)
            try:
                fields = codec.decode(record.value())
                label = self._label(fields.get(labels.label))
                if label is not None:
                    id_ = fields.get(labels.id)
                    _, partitions, _ = self._late.get(id_, _NONE)
                    partitions |= 1 << (record.partition() or 0)
                    self._late[id_] = label, partitions, record.timestamp()[1]
            except (DecodeError, AttributeError, TypeError):
                continue

    def _label(self, raw: Any) -> Any:
        ranks_only = self._model.task in UNSUPERVISED
        try:
            if ranks_only:
                return check_label("binary", label_value(self._values, raw))
            return None if raw is None else self._model.check_label(label_value(self._values, raw))
        except LabelError:
            return None
