"""An estimator of River's that depends on Python's hash seed is the same at every start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.kafka.running import stream, synthetic, workers

LEARNER = {"type": "river.cluster.KMeans", "seed": 1}

BARE_LOOP = """
import json, sys
from tests.kafka.running import bare_loop
learner, events = json.load(open(sys.argv[1]))
print(bare_loop(learner, events)[1].fingerprint())
"""


@pytest.mark.long
def test_a_worker_that_is_killed_goes_on_under_the_same_hash_seed(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER)
    with workers(pipeline, "a") as (worker,):
        pipeline.send(0, synthetic(1, 300))
        pipeline.predictions()
        worker.kill()
        pipeline.send(0, synthetic(2, 300))
        worker.start()
        pipeline.predictions()
        assert worker.stop() == 0
    expected = under_the_seed_of(topic_name, tmp_path, pipeline.events[0])
    assert pipeline.models()[0].fingerprint() == expected


def under_the_seed_of(name: str, folder: Path, events: list[dict[str, object]]) -> str:
    """The fingerprint of a bare loop in a process with the pipeline's hash seed."""
    file = folder / "events.json"
    file.write_text(json.dumps([LEARNER, events]))
    seed = str(zlib.crc32(name.encode()))
    said = subprocess.run(
        [sys.executable, "-c", BARE_LOOP, str(file)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()
