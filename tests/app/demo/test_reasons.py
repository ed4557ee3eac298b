"""The reasons of the demo's alerts are features of the events, while the rule decides too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.demo.cluster import own_settings, pipeline_file
from app.demo.world import Truth, World, events
from app.fraud.online import HAND_RULE, RULE_TERMS
from app.fraud.transactions import DAY, EPOCH
from app.pipeline.load import load_pipeline
from app.pipeline.topics import codec_of
from app.replay.base import Event, Source
from app.trial.run import run
from topics.records import Alert

DAYS = 16
"""Labels come from day 7 on."""
SUSPICIOUS = 0.05
"""On a calm day the best score is less, and nothing raises it."""


def alerts() -> Iterator[Alert]:
    world = World(cards=60)
    pipeline = load_pipeline(pipeline_file(), own_settings(world, 1), {})
    decode: Callable[[bytes], Alert] = codec_of(pipeline, "alerts").decoder(Alert)

    def history() -> Iterator[Event]:
        for event in events(world, Truth()):
            if (event.timestamp or 0) >= (EPOCH + DAYS * DAY) * 1000:
                return
            yield event

    for outputs in run(pipeline, Source("live", history, key="card")).outputs:
        for other in outputs.others:
            if other.topic == pipeline.decisions.topic and other.value is not None:
                yield decode(other.value)


def test_alerts_are_told_in_terms_of_the_rule_and_never_by_its_name() -> None:
    raised = [
        [reason.feature for reason in alert.reasons or () if reason.contribution > 0]
        for alert in alerts()
        if (alert.score or 0.0) >= SUSPICIOUS
    ]
    assert len(raised) >= 15
    assert all(HAND_RULE not in names and names[0] in RULE_TERMS for names in raised)
    assert {"amount", "card_ratio_amount_90d"} <= {name for names in raised for name in names}
