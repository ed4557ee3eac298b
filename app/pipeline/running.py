"""The tables of what learns, and of how it runs."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.pipeline.values import (
    FieldName,
    Modules,
    Name,
    PositiveSeconds,
    Retention,
    Seconds,
    Table,
    wrong,
)
from learners.spec import LearnerSpec


class Step(BaseModel):
    """A step before the learner by its name; every other key is a parameter of the step."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: FieldName


class Learner(BaseModel):
    """The learner by its name; every other key of the table is a parameter of the learner.

    `shared` is "learner" where all partitions have one model: one worker learns it, all score
    with the newest version of it. After `stale_after` seconds without a word from the learner
    a worker says so. With `learners`, so many learners divide its members among them. It is
    "mix" where each partition learns by itself, and at marks, `mark` seconds apart in the time of
    the events, all take over what all have learned. `rule` names a feature that is a hand rule,
    which predicts beside the learner.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: FieldName
    scale: bool = False
    drift: dict[str, Any] | None = None
    rule: dict[str, Any] | None = None
    steps: Annotated[tuple[Step, ...], Field(strict=False)] = ()
    shared: Literal["learner", "mix"] | None = None
    learners: int = Field(default=1, ge=1)
    stale_after: PositiveSeconds = 60.0
    mark: PositiveSeconds = 3600.0

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the learner, as a new dict."""
        return dict(self.model_extra or {})

    @property
    def tables(self) -> list[dict[str, Any]]:
        """The steps before the learner, each as a new dict."""
        return [step.model_dump() for step in self.steps]

    @property
    def spec(self) -> LearnerSpec:
        """All that a new model is made of."""
        made_of = self.type, self.params, self.scale, self.drift, self.tables
        return LearnerSpec(*made_of, self.rule, learners=self.learners)


class Archive(Table):
    """Where `riverrun model archive` writes models: every so often, the newest `keep` of each."""

    url: FieldName
    every: PositiveSeconds = 3600.0
    keep: int = Field(default=48, ge=1)


class Snapshots(Table):
    """Modules, besides River's, whose objects a snapshot of a model may hold."""

    allow: Modules = ()


class StateStore(Table):
    """Where a worker keeps the state at hand: in memory, or on its disk."""

    store: Literal["memory", "disk"] = "memory"
    folder: FieldName | None = None

    @model_validator(mode="after")
    def _only_a_disk_has_a_folder(self) -> Self:
        if self.folder is not None and self.store != "disk":
            raise wrong("state.folder", 'needs state.store = "disk"')
        return self


class Topics(Table):
    """How `riverrun topics` creates topics; `retention` (seconds) is the broker's unless given."""

    partitions: int = Field(default=4, ge=1)
    replication: int = Field(default=1, ge=1, le=32767)
    retention: Retention | None = None


class Worker(Table):
    """How a worker runs. All times in seconds, `max_batch` in records."""

    name: Name | None = None
    static: bool | None = None
    standbys: int = Field(default=0, ge=0)
    start: Literal["earliest", "latest"] = "earliest"
    commit_interval: PositiveSeconds = 0.1
    commit_floor: Seconds = 0.015
    session_timeout: PositiveSeconds = 6.0
    transaction_timeout: PositiveSeconds = 10.0
    processing_timeout: PositiveSeconds = 120.0
    max_batch: int = Field(default=5000, ge=1)
    web_host: FieldName = "127.0.0.1"
    web_port: int | None = Field(default=None, ge=1, le=65535)

    @property
    def is_static(self) -> bool:
        """Whether its partitions wait for it while it is away for less than a session."""
        if self.static is None:
            return self.name is not None and not self.standbys
        return self.static

    @model_validator(mode="after")
    def _who_is_waited_for_has_a_name(self) -> Self:
        if self.static and self.name is None:
            raise wrong("worker.static", "needs worker.name")
        return self

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if self.commit_floor > self.commit_interval:
            raise wrong("worker.commit_floor", "must not be longer than worker.commit_interval")
        if self.transaction_timeout <= self.commit_interval:
            raise wrong("worker.transaction_timeout", "must be longer than worker.commit_interval")
        return self
