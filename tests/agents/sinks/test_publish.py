"""Predictions carry what they are asked to carry."""

import json

import numpy as np
import pytest
from confluent_kafka import Message

from agents.outputs import Outputs
from agents.sinks.publish import Publisher
from agents.sinks.scored import ScoredBatch
from tests.agents.one_by_one import Event, batch
from topics.codecs import Codec


def event() -> Event:
    record = Message(topic="cards", partition=0, offset=7, key=b"k", value=b"{}")
    return Event("e", 1_000, {}, None, record)


@pytest.mark.parametrize("told", [False, True])
def test_a_prediction_has_the_scores_of_the_baselines_if_it_is_asked_to(told: bool) -> None:
    scored = ScoredBatch(batch([event()]), np.arange(1), [True], [0.75], [3])
    scored.baselines = {"frozen": [0.25], "rule": [None]}
    outputs = Outputs()
    Publisher("p", Codec("json"), baselines=told).publish(scored, outputs)
    ((key, value),) = outputs.predictions
    prediction = json.loads(value)
    assert prediction.get("rivals") == ({"frozen": 0.25, "rule": None} if told else None)
    assert ("rivals" in prediction) is told
    assert (key, prediction["source"]["offset"], scored.decisions) == (b"k", 7, ())
