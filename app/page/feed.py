"""From the records of a pipeline's outputs to what its page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import msgspec

from app.kafka.backlog import Offsets
from app.page.alerts import Alerts
from app.page.progress import Progress
from app.page.windows import Windows
from app.pipeline.model import Pipeline
from app.pipeline.streams import Labels
from app.pipeline.topics import Role, takers
from topics.codecs import UNDECODABLE
from topics.metrics import WindowMetrics
from topics.records import Alert, Record


class Feed:
    """What a page shows, in bounded memory. One thread may write while others read.

    Every change has a number, so that whoever knows what was there at `version` is given only
    what came after. Records that cannot be decoded are passed over.

    Args:
        pipeline: Names the topics, their formats and fields.

    Attributes:
        topics: The outputs, and the labels, that are to be read.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._lock = Lock()
        self._version = 0
        self._time: int | None = None
        self._caught_up = False
        self._windows = Windows()
        self._alerts = Alerts(pipeline.metrics.amount if pipeline.metrics else None)
        self._progress = Progress()
        self._readers = self._of_topics()
        self.topics = tuple(self._readers)

    def read(self, record: Record) -> None:
        """Take a record of one of the topics."""
        read, value = self._readers[record.topic() or ""], record.value()
        if value is None:
            return
        with self._lock:
            self._version += 1
            try:
                time = read(value)
            except UNDECODABLE:
                return
            time = record.timestamp()[1] if time is None else time
            self._time = max(time, self._time or time)

    def progress(self, now: float, topics: Sequence[Offsets]) -> None:
        """Note how far the input is read, at `now` in seconds since 1970; the events first."""
        with self._lock:
            self._version += 1
            self._progress.see(now, topics, self._version)

    def caught_up(self) -> None:
        """Note that all was read that was there: what is empty now is empty indeed."""
        with self._lock:
            self._caught_up = True

    def since(self, version: int) -> dict[str, Any]:
        """What has changed after `version`, where 0 is before everything; with its own version.

        Windows and alerts are those that are new or other than they were, to be put in place of
        what has their `start` or `key`.
        """
        with self._lock:
            said = {"version": self._version, "time": self._time, "caught_up": self._caught_up}
            if self._version == version:
                return said
            known, positive = self._alerts.verdicts()
            return {
                **said,
                "windows": self._windows.since(version),
                "alerts": self._alerts.since(version),
                "verdicts": {"known": known, "positive": positive},
                **self._progress.since(version),
            }

    def about(self) -> dict[str, Any]:
        """What the pipeline file says that the page needs."""
        pipeline, metrics, decisions = (
            self._pipeline,
            self._pipeline.metrics,
            self._pipeline.decisions,
        )
        return {
            "pipeline": pipeline.name,
            "learner": pipeline.learner.type,
            "metrics": metrics is not None,
            "alerts": decisions.topic is not None,
            "label": pipeline.labels.label if pipeline.labels else pipeline.events.label,
            "entity": decisions.entity,
            "amount": metrics.amount if metrics else None,
            "window": metrics.window if metrics else None,
            "k": metrics.k if metrics else None,
            "looked_at": metrics.entity if metrics else None,
        }

    def _of_topics(self) -> dict[str, Callable[[bytes], int | None]]:
        """For each topic what takes a value of it, and returns its time if the value has one."""
        wanted: dict[Role, tuple[Any, Callable[[Any], int | None]]] = {
            "metrics": (WindowMetrics, self._window),
            "alerts": (Alert, self._alert),
        }
        if self._pipeline.labels is not None and self._pipeline.decisions.topic is not None:
            wanted["labels"] = _label_type(self._pipeline.labels), self._label
        return takers(self._pipeline, wanted)

    def _window(self, record: WindowMetrics) -> int:
        self._windows.add(record, self._version)
        return record.time

    def _alert(self, alert: Alert) -> int:
        own = self._pipeline.events.label
        label = None if own is None else alert.event.get(own)
        self._alerts.add(alert, self._version, label)
        return alert.time

    def _label(self, label: Any) -> None:
        if isinstance(label.id, str | int) and label.label is not None:
            self._alerts.label(label.id, label.label, self._version)


def _label_type(labels: Labels) -> type[Any]:
    names = {"id": labels.id, "label": labels.label}
    return msgspec.defstruct("Label", [(name, Any, None) for name in names], rename=names, gc=False)
