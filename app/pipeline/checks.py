"""What more than the tables know must be true of a pipeline: of learner, functions, Kafka."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from agents.entities.declare import EntityError, check_tables
from agents.errors import UnknownFunction
from agents.events.functions import load_function
from agents.events.limits import label_check
from agents.labels.settings import FORGET
from app.errors import KafkaSettingError, UnknownKafkaSetting
from app.kafka.settings import KafkaSettings
from app.pipeline.cross_checks import entity_table, needing_numbers
from app.pipeline.key_locations import Places
from app.pipeline.model import Pipeline
from app.pipeline.running import Learner
from app.pipeline.toml_lines import Path as Key
from app.pipeline.topics import pipeline_topics
from app.secrecy import HIDDEN
from learners import registry
from learners.base import UNSUPERVISED
from learners.errors import (
    ForbiddenClass,
    LearnerError,
    SnapshotError,
    StepError,
    TableError,
    UnknownParameter,
)
from learners.mixing.family import CannotMix, family
from learners.model import Model
from learners.river.trial import require_no_texts, try_out
from learners.saved import snapshots
from learners.spread.shares import CannotSpread
from learners.steps.registry import STEPS

AVRO = '"confluent-kafka[schemaregistry]>=2.13,<3" "fastavro>=1.9,<2"'


def check(pipeline: Pipeline, where: Places) -> None:
    """Make what the pipeline names, and see whether that is possible.

    Raises:
        PipelineError: Naming the key, the value, the place and what is allowed.
    """
    _check_entities(pipeline, where)
    _check_learner(pipeline, where)
    _check_functions(pipeline, where)
    _check_kafka(pipeline, where)
    _check_registry(pipeline, where)


def _check_entities(pipeline: Pipeline, where: Places) -> None:
    try:
        check_tables(entity_table(pipeline, n, e) for n, e in enumerate(pipeline.entities))
    except EntityError as error:
        raise where.refuse(error.key, error.what) from None


def _check_learner(pipeline: Pipeline, where: Places) -> None:
    learner = pipeline.learner
    try:
        model = registry.from_spec(learner.spec)
        if learner.type.startswith("river."):
            try_out(learner.type, learner.params)
        if learner.type not in registry.OURS:
            require_no_texts(model)
    except StepError as error:
        key = ("learner", f"steps[{error.index}]", error.key)
        raise where.refuse(key, error.what, known=not error.unknown) from None
    except TableError as error:
        key = ("learner", error.table, error.key)
        raise where.refuse(key, error.what, known=not error.unknown) from None
    except CannotSpread as error:
        raise where.refuse(("learner", error.key), error.what, known=True) from None
    except LearnerError as error:
        what = str(error).removeprefix(f"learner {learner.type!r}: ")
        named = (name for name in learner.params if re.search(rf"(^|'){re.escape(name)}\b", what))
        name = next(named, "type")
        what = what.removeprefix(f"{name} = {learner.params.get(name)!r}: ")
        known = not isinstance(error, UnknownParameter)
        raise where.refuse(("learner", name), what, known=known) from None
    if learner.shared and model.task in UNSUPERVISED:
        what = f'cannot be beside learner.type = "{learner.type}", which learns without labels'
        raise where.refuse(("learner", "shared"), what)
    _check_mix(learner, where)
    _check_texts(pipeline, where)
    _check_rule(pipeline, where)
    _check_label_values(pipeline, model, where)
    _check_on_expire(pipeline, model, where)
    _check_reasons(pipeline, model, where)
    if learner.type not in registry.OURS:
        _check_snapshot(pipeline, model, where)


def _check_mix(learner: Learner, where: Places) -> None:
    """Not each learner can be mixed."""
    if learner.shared != "mix":
        return
    try:
        family(learner.spec)
    except CannotMix as error:
        what = f'{error.what}; learner.shared = "learner" takes it'
        raise where.refuse(("learner", *error.key), what, known=True) from None


def _check_texts(pipeline: Pipeline, where: Places) -> None:
    """Steps over texts are the first, and see the fields as the events have them."""
    declared = pipeline.events.features
    for i, table in enumerate(pipeline.learner.tables if declared else ()):
        for name in table.get("features") or () if STEPS[table["type"]].takes_texts else ():
            if declared and name not in declared:
                key = ("learner", f"steps[{i}]", "features")
                raise where.refuse(key, f'"{name}" is none of events.features')


def _check_rule(pipeline: Pipeline, where: Places) -> None:
    """The rule beside the learner and the fields of its terms are features."""
    rule, declared = pipeline.learner.rule, pipeline.events.features
    if rule is None or declared is None:
        return
    if rule["feature"] not in declared:
        raise where.refuse(("learner", "rule", "feature"), "is none of events.features", known=True)
    for term, field in (rule.get("terms") or {}).items():
        if field not in declared:
            key = ("learner", "rule", "terms", term)
            raise where.refuse(key, "is none of events.features", known=True)


def _check_label_values(pipeline: Pipeline, model: Model, where: Places) -> None:
    """What a label stands for must be a label."""
    for table in ("events", "labels"):
        of = getattr(pipeline, table)
        for name, value in (of.label_values if of else {}).items():
            try:
                label_check(model)(value)
            except ValueError as error:
                what = _without_hint(error, value)
                raise where.refuse((table, "label_values", name), what) from None
            needed = next(needing_numbers(pipeline), None)
            if needed and isinstance(value, str):
                what = f'must be a number: {needed[0]} has "{needed[1]}"'
                raise where.refuse((table, "label_values", name), what)


def _check_on_expire(pipeline: Pipeline, model: Model, where: Places) -> None:
    """A label that the learner refuses would otherwise be found out by the first that expires."""
    labels = pipeline.labels
    if labels is None or labels.on_expire == FORGET:
        return
    try:
        label_check(model, labels.label_values)(labels.on_expire)
    except ValueError as error:
        what = _without_hint(error, labels.on_expire)
        raise where.refuse(("labels", "on_expire"), f'{what}; or "{FORGET}"') from None


def _without_hint(error: ValueError, label: object) -> str:
    """Which labels are taken, without the label and what to do about those of events."""
    return str(error).removeprefix(f"label {label!r}: ").partition(" (")[0]


def _check_reasons(pipeline: Pipeline, model: Model, where: Places) -> None:
    if pipeline.decisions.reasons and not model.explains:
        what = f"the learner {pipeline.learner.type!r} has none".replace("'", '"')
        raise where.refuse(
            ("decisions", "reasons"), f"{what}; linear learners of two classes or of numbers have"
        )


def _check_snapshot(pipeline: Pipeline, model: Model, where: Places) -> None:
    """A model that could be saved but not restored would be found out by the first restart."""
    key = b"any: a worker without one is refused when it starts"
    try:
        snapshots.load(
            snapshots.dump(model, {}, key), model, key=key, allow=pipeline.snapshots.allow
        )
    except ForbiddenClass as error:
        raise where.refuse(("learner", "type"), str(error)) from None
    except SnapshotError as error:
        raise where.refuse(("learner", "type"), f"could not be saved: {error}") from None


def _check_functions(pipeline: Pipeline, where: Places) -> None:
    """A feature function or a rule that is not there is found before anything starts."""
    rule = (pipeline.metrics.rule,) if pipeline.metrics and pipeline.metrics.rule else ()
    functions: dict[Key, tuple[str, ...]] = {
        ("events", "functions"): pipeline.events.functions,
        ("metrics", "rule"): rule,
    }
    for key, names in functions.items():
        try:
            for name in names:
                load_function(name)
        except UnknownFunction as error:
            raise where.refuse(key, str(error)) from None


def _check_kafka(pipeline: Pipeline, where: Places) -> None:
    if not pipeline.kafka:
        return
    properties = dict(pipeline.kafka)
    key: Key = ("kafka", "bootstrap.servers")
    try:
        servers = str(properties.pop("bootstrap.servers", "localhost:9092"))
        KafkaSettings(servers)
        key = ("kafka",)
        KafkaSettings(servers, properties)
    except KafkaSettingError as error:
        key = next(_refused(properties, str(error)), key)
        name = key[-1]
        what = str(error).removeprefix(f"{name} = {pipeline.kafka.get(name)}: ")
        what = what.removeprefix(f"{name} = {HIDDEN}: ")
        known = not isinstance(error, UnknownKafkaSetting)
        raise where.refuse(key, what, known=known and len(key) > 1) from None


def _refused(properties: Mapping[str, Any], what: str) -> Iterator[Key]:
    """The settings that the reason begins with, or that are refused for it without the others.

    Many are good only together: SASL_SSL alone has no mechanism.
    """
    yield from (("kafka", name) for name in properties if what.startswith(f"{name} = "))
    for name, value in properties.items():
        try:
            KafkaSettings("localhost:9092", {name: value})
        except KafkaSettingError as error:
            if str(error) == what:
                yield ("kafka", name)


def _check_registry(pipeline: Pipeline, where: Places) -> None:
    """Without a connection: the package is there, and a client takes the settings."""
    avro = next((t for t in pipeline_topics(pipeline) if t.format == "avro"), None)
    if avro is None:
        if pipeline.registry:
            raise where.refuse(("registry",), 'needs a topic of format = "avro"')
        return
    try:
        import_module("topics.avro")
        registry = import_module("app.kafka.registry")
    except ImportError as error:  # an extra
        what = f"needs packages that are not installed ({error}): pip install {AVRO}"
        raise where.refuse((avro.key[0], "format"), what) from None
    if "url" not in pipeline.registry:
        what = 'needs registry.url, such as "http://localhost:8081"'
        raise where.refuse((avro.key[0], "format"), what)
    if not isinstance(pipeline.registry.get(registry.REGISTER, True), bool):
        raise where.refuse(("registry", registry.REGISTER), "must be true or false", known=True)
    try:
        registry.client(pipeline.registry)
    except (ValueError, TypeError, OSError) as error:
        names = [name for name in pipeline.registry if name in str(error)]
        key = ("registry", *names[:1])
        known = bool(names) and "Unrecognized" not in str(error)
        raise where.refuse(key, str(error), known=known) from None
