"""The agent of a stage, as the pipeline file has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from agents.agent import Agent, OperationSink, OperationSource
from agents.dead_letter_format import DeadLetterFormat
from agents.decisions.decider import Decider, DecisionSettings
from agents.entities.declare import declared
from agents.entities.entities import Entities
from agents.entities.layout import Layout
from agents.entities.rows import PastRows, prefix_of
from agents.evaluation.baselines import Frozen, RuleBaseline
from agents.evaluation.evaluator import PREFIX as EVALUATION
from agents.evaluation.evaluator import Evaluator
from agents.evaluation.settings import EvaluatorSettings
from agents.evaluation.watching import Watcher
from agents.events.features import FeatureReader
from agents.events.fields import EventFields
from agents.events.functions import Functions
from agents.events.limits import label_check
from agents.events.reader import EventReader
from agents.labels.forwarded_join import ForwardedJoin
from agents.labels.join import LabelJoin
from agents.labels.reader import LabelFields, LabelReader
from agents.labels.settings import JoinSettings
from agents.labels.waiting import WaitingRows
from agents.shared.dealing import Dealing
from agents.shared.deciding import Deciding
from agents.shared.learning import Learning
from agents.shared.versions import Versions
from agents.sinks.forward import Forward
from agents.sinks.history import HistoryWriter
from agents.sinks.publish import Publisher
from agents.sinks.score import Score
from agents.sources.decode import DecodeSource
from agents.sources.features import FeatureSource
from agents.sources.forwarded import ForwardedSource
from agents.state import State
from agents.views import Keys, NewView
from app.pipeline.cross_checks import entity_table
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, decides_for_all, joins_by_id, only_scores, stages
from app.pipeline.topics import codec_of
from learners.base import UNSUPERVISED
from learners.model import Model


@dataclass(frozen=True, slots=True)
class AgentBuilder:
    """Makes the agent of one partition of a stage.

    Attributes:
        pipeline: What to do.
        stage: Which part of it.
        partition: Of the stage's inputs.
        partitions: How many there are.
        state: The partition's own.
        model: What learns; in a stage before the last one that has learned nothing, for its task.
        snapshot_key: Signs and checks models that need pickle.
        versions: Of the model, where one learner has the rows of all partitions.
    """

    pipeline: Pipeline
    stage: Stage
    partition: int
    partitions: int
    state: State
    model: Model
    snapshot_key: bytes | None = None
    versions: Versions | None = None

    def agent(self) -> Agent:
        """The agent of a stage through which events go."""
        parts = self._source(), self._entities(), self._sink()
        join = ForwardedJoin(self._join()) if self.stage.joins and not self._is_first else None
        return Agent(*parts, self.pipeline.dead_letter_topic, join)

    def learning(self) -> Learning:
        """The agent of the stage that learns the rows of all partitions."""
        return Learning(self.model, self._letters(), self.pipeline.dead_letter_topic)

    def dealing(self) -> Dealing:
        """The agent of the stage that deals the rows of all partitions out to several learners."""
        topic, learners = self.pipeline.shares_topic, self.pipeline.learner.learners
        return Dealing(topic, learners, self.pipeline.dead_letter_topic)

    def deciding(self) -> Deciding:
        """The agent of the stage that decides and evaluates for all partitions."""
        publisher = self._publisher() if self.pipeline.decisions.budget is not None else None
        return Deciding(publisher, self._watcher(), self.pipeline.dead_letter_topic)

    @property
    def _is_first(self) -> bool:
        return self.stage == stages(self.pipeline)[0]

    def _fields(self) -> EventFields:
        events = self.pipeline.events
        return EventFields(events.id, events.label, events.features, events.label_values)

    def _event_reader(self) -> EventReader:
        return EventReader(codec_of(self.pipeline, "events"), self._fields(), self.model)

    def _source(self) -> OperationSource:
        events, labels = self.pipeline.events, self.pipeline.labels
        if not self._is_first:
            return ForwardedSource(self._letters())
        if only_scores(self.pipeline):
            return FeatureSource(codec_of(self.pipeline, "events"), self._event_reader())
        codec = codec_of(self.pipeline, "events")
        if labels is None:
            return DecodeSource(codec, events.id)
        check = label_check(self.model, labels.label_values)
        join = self._join() if self.stage.joins else None
        fields = LabelFields(labels.id, labels.label, labels.source, labels.weights)
        reader = LabelReader(codec_of(self.pipeline, "labels"), fields, check)
        return DecodeSource(codec, events.id, (labels.topic, reader, join))

    def _join(self) -> LabelJoin:
        labels = self.pipeline.labels
        assert labels is not None
        settings = JoinSettings(
            expire=_ms(labels.expire),
            on_expire=labels.on_expire,
            max_waiting=labels.max_waiting,
            label=labels.label,
            keep=kept(self.pipeline) if self._is_first else (),  # nothing is forwarded further
            by_id=joins_by_id(self.pipeline),
        )
        return LabelJoin(settings, self.state, label_check(self.model, labels.label_values))

    def _letters(self) -> DeadLetterFormat:
        labels = self.pipeline.labels
        said = (codec_of(self.pipeline, "labels"), labels.id, labels.label) if labels else None
        return DeadLetterFormat(codec_of(self.pipeline, "events"), said)

    def _entities(self) -> Entities:
        tables = [entity_table(self.pipeline, n, e) for n, e in self.stage.entities]
        return Entities(tables, self.state)

    def _sink(self) -> OperationSink:
        stage, pipeline = self.stage, self.pipeline
        if stage.next_topic is not None and stage.next_field is not None:
            return Forward(stage.next_topic, stage.next_field, self._letters())
        features = FeatureReader(self._event_reader(), self._fields(), self.model)
        forwards = self._forwards()
        waits = pipeline.labels is not None and self.model.task not in UNSUPERVISED
        return Score(
            self.model,
            features,
            Functions(pipeline.events.functions),
            WaitingRows(self.state, features.names) if waits else None,
            None if forwards and pipeline.decisions.budget is not None else self._publisher(),
            self._watcher(),
            reasons=pipeline.decisions.reasons,
            shared=self._shared(),
            forwards=forwards,
            history=self._history(),
        )

    def _history(self) -> HistoryWriter | None:
        pipeline, history = self.pipeline, self.pipeline.history
        if history is None:
            return None
        state = self.state if pipeline.labels is not None else None
        codec = codec_of(pipeline, "history")
        return HistoryWriter(state, pipeline.name, history.topic, codec, history.fields or ())

    def _forwards(self) -> tuple[str, tuple[str, ...] | None] | None:
        """Where scored events are forwarded to, and with which fields: an alert shows all."""
        pipeline, metrics = self.pipeline, self.pipeline.metrics
        if not decides_for_all(pipeline):
            return None
        if pipeline.decisions.budget is not None and pipeline.decisions.topic is not None:
            return pipeline.scored_topic, None
        of_metrics = (metrics.entity, metrics.amount) if metrics else ()
        names = (pipeline.decisions.entity, *of_metrics)
        return pipeline.scored_topic, tuple(dict.fromkeys(name for name in names if name))

    def _shared(self) -> tuple[str, Versions] | None:
        topic = self.stage.next_topic
        if topic is None:
            return None
        return topic, self.versions or Versions([self.model])

    def _publisher(self) -> Publisher:
        pipeline, decisions = self.pipeline, self.pipeline.decisions
        alerts = (decisions.topic, codec_of(pipeline, "alerts")) if decisions.topic else None
        codec = codec_of(pipeline, "predictions")
        shown = pipeline.metrics is not None and pipeline.metrics.rivals
        decider = self._decider()
        return Publisher(pipeline.name, codec, decider, decisions.entity, alerts, baselines=shown)

    def _decider(self) -> Decider | None:
        decisions = self.pipeline.decisions
        if decisions.threshold is None and decisions.budget is None:
            return None
        settings = DecisionSettings(
            decisions.threshold,
            decisions.budget,
            _ms(decisions.per),
            self.partition,
            self._sharing,
        )
        return Decider(settings, self.state)

    def _watcher(self) -> Watcher | None:
        metrics, pipeline = self.pipeline.metrics, self.pipeline
        if metrics is None:
            return None
        settings = EvaluatorSettings(
            partition=self.partition,
            window=_ms(metrics.window),
            k=metrics.k,
            partitions=self._sharing,
            entity=metrics.entity,
            amount=metrics.amount,
            fee=metrics.fee,
            expire=_ms(pipeline.labels.expire) if pipeline.labels else 0,
        )
        apart = decides_for_all(pipeline) and not self.stage.decides
        evaluator = None if apart else Evaluator(settings, self.state, self.model.task)
        of_classes, codec = self.model.task == "multiclass", codec_of(pipeline, "metrics")
        if self.stage.decides:
            return Watcher(evaluator, metrics.topic, codec, of_classes=of_classes)
        allow = pipeline.snapshots.allow
        since = _midnight(metrics.frozen_since) if metrics.frozen_since else None
        frozen = Frozen(self.state, self.model, settings.window, self.snapshot_key, allow, since)
        return Watcher(
            evaluator,
            metrics.topic,
            codec,
            frozen if metrics.frozen else None,
            RuleBaseline(metrics.rule) if metrics.rule else None,
            of_classes=of_classes,
        )

    @property
    def _sharing(self) -> int:
        """How many partitions share a budget and the places of the metrics."""
        return self.stage.partitions or self.partitions


def new_views(pipeline: Pipeline, stage: Stage) -> dict[str, NewView]:
    """What the agent of a stage has at hand of its state, by prefix: makes each one, empty."""
    made: dict[str, NewView] = {}
    for number, entity in stage.entities:
        width = Layout.of(declared(entity_table(pipeline, number, entity))).width
        made[prefix_of(number)] = partial(PastRows, number, width)
    evaluates = stage.decides if decides_for_all(pipeline) else stage.scores
    if evaluates and pipeline.metrics is not None:
        made[EVALUATION] = Keys
    return made


def kept(pipeline: Pipeline) -> tuple[str, ...]:
    """The fields of an event that are kept until its label comes: for entities, and of what
    features are made that labels bring up to date."""
    names: dict[str, Any] = {}
    for number, entity in enumerate(pipeline.entities):
        table = declared(entity_table(pipeline, number, entity))
        if entity.field:
            names[entity.field] = None
        if entity.source == "labels":
            names |= {f.x: None for f in table.features if f.x and f.x != table.table.label}
    return tuple(names)


def _midnight(day: str) -> int:
    """Milliseconds since 1970 at which a date begins, in UTC."""
    return _ms(datetime.combine(date.fromisoformat(day), time(), UTC).timestamp())


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
