"""What the demo runs on: its pipeline, a Kafka, topics of its own, a port for the health page."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import app
from app.demo.holding import LONGEST_DAYS
from app.demo.world import DELAY_DAYS, PATTERN_DAY, World, day_of
from app.errors import RiverrunError
from app.fraud.online import HAND_RULE, RULE_TERMS
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline

WITH_RULE = "app.fraud.online:with_rule"
WEB_PORT = 6066
EXPIRE_DAYS = DELAY_DAYS + LONGEST_DAYS + 1
"""A label that was held back as long as can be still finds its event."""


class DemoError(RiverrunError):
    """The demo cannot run, or cannot go on."""


def pipeline_file() -> Path:
    """The pipeline file of card fraud.

    Raises:
        DemoError: The folder `pipelines` is neither beside the program nor here.
    """
    places = [Path(app.__file__).parents[1], Path.cwd()]
    files = [place / "pipelines" / "fraud.toml" for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise DemoError("pipelines/fraud.toml is not here: run the demo in riverrun's folder")
    return found


def own_settings(world: World, workers: int) -> dict[str, str]:
    """Settings over the pipeline file: names that no other run has, and the size of the world.

    The hand rule stands beside the learner. The frozen model is the one of the day on which the
    new fraud begins.
    """
    events = load_pipeline(pipeline_file()).events
    name = f"demo-{uuid.uuid4().hex[:8]}"
    tables = ("events", "labels", "predictions", "decisions", "metrics")
    return {
        "name": name,
        **{f"{table}.topic": f"{name}.{table}.v1" for table in tables},
        "events.functions": ",".join((*events.functions, WITH_RULE)),
        "events.features": ",".join((*(events.features or ()), HAND_RULE, *RULE_TERMS.values())),
        "learner.rule.feature": HAND_RULE,
        **{f"learner.rule.terms.{name}": field for name, field in RULE_TERMS.items()},
        "topics.partitions": str(workers),
        "labels.expire": f"{EXPIRE_DAYS}d",
        "decisions.budget": str(world.budget),
        "metrics.k": str(world.budget),
        "metrics.frozen_since": day_of(PATTERN_DAY).isoformat(),
        "metrics.rivals": "true",
    }


def remove_topics(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Remove what the demo made on a cluster that stays; what cannot be removed is left."""
    admin = AdminClient(kafka.admin())
    found = admin.list_topics(timeout=15).topics
    own = [name for name in found if name.startswith(f"{pipeline.name}.")]
    answers = admin.delete_topics(own, request_timeout=15) if own else {}
    groups = admin.delete_consumer_groups([pipeline.group], request_timeout=15)
    for answer in (*answers.values(), *groups.values()):
        try:
            answer.result(20)
        except (KafkaException, TimeoutError):
            continue


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, else any other port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
