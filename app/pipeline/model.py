"""What a pipeline is: one frozen object for each table of a pipeline file.

The tables know the types and the bounds; `app.pipeline.load` reads the file and names the places.
"""

from typing import Annotated, Any

from pydantic import Field, model_validator

from app.pipeline.connectors import Connected
from app.pipeline.history import History
from app.pipeline.running import Archive, Learner, Snapshots, StateStore, Topics, Worker
from app.pipeline.sinks import Sinks
from app.pipeline.stores import Stored
from app.pipeline.streams import Decisions, Entity, Events, Labels, Metrics, Predictions
from app.pipeline.values import FlatValue, Name, Table


class Pipeline(Table):
    """A whole pipeline: what is read, learned and written, and how."""

    name: Name
    events: Events
    predictions: Predictions
    learner: Learner
    labels: Labels | None = None
    entities: Annotated[tuple[Entity, ...], Field(strict=False)] = ()
    decisions: Decisions = Decisions()
    metrics: Metrics | None = None
    history: History | None = None
    state: StateStore = StateStore()
    topics: Topics = Topics()
    kafka: dict[str, FlatValue] = Field(default={})
    registry: dict[str, FlatValue] = Field(default={})
    sinks: Sinks = Field(default={})
    worker: Worker = Worker()
    snapshots: Snapshots = Snapshots()
    archive: Archive | None = None

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return self.name

    @property
    def state_topic(self) -> str:
        """The compacted topic that holds models and waiting state."""
        return f"{self.name}.state.v1"

    @property
    def rows_topic(self) -> str:
        """The topic of the rows whose labels have come: the log that a shared learner learns."""
        return f"{self.name}.rows.v1"

    @property
    def shares_topic(self) -> str:
        """The topic of the same rows for each of several learners, a partition for each."""
        return f"{self.name}.shares.v1"

    @property
    def scored_topic(self) -> str:
        """The topic of scored events, where one stage decides or evaluates for all partitions."""
        return f"{self.name}.scored.v1"

    @property
    def versions_topic(self) -> str:
        """The compacted topic of the versions of the one model; it is the learner's state."""
        return f"{self.name}.versions.v1"

    @property
    def marks_topic(self) -> str:
        """The compacted topic of what each partition has learned, where they mix their models."""
        return f"{self.name}.marks.v1"

    @property
    def dead_letter_topic(self) -> str:
        """The topic of the events that could not be used."""
        return f"{self.name}.dead-letters.v1"

    @property
    def stored(self) -> dict[str, Stored]:
        """The sinks that `riverrun sink` writes, by name."""
        return {name: sink for name, sink in self.sinks.items() if isinstance(sink, Stored)}

    @property
    def connected(self) -> dict[str, Connected]:
        """The sinks that Kafka Connect writes, by name."""
        return {name: sink for name, sink in self.sinks.items() if isinstance(sink, Connected)}

    def sink_group(self, sink: str) -> str:
        """The consumer group of a sink."""
        return f"{self.name}.sink.{sink}"

    def rejected_topic(self, sink: str) -> str:
        """The topic of the records that a sink's store refused."""
        return f"{self.name}.sink.{sink}.rejected.v1"

    @model_validator(mode="before")
    @classmethod
    def _predictions_speak_as_events(cls, data: Any) -> Any:
        events, predictions = (_table(data, name) for name in ("events", "predictions"))
        if "format" in events and predictions and "format" not in predictions:
            return data | {"predictions": predictions | {"format": events["format"]}}
        return data


def _table(data: Any, name: str) -> dict[str, Any]:
    table = data.get(name) if isinstance(data, dict) else None
    return table if isinstance(table, dict) else {}
