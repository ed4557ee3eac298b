"""The same work under Faust as it comes: its own transport, acks and offset commits.

python -m benchmarks.stock_faust BOOTSTRAP EVENTS OUTPUTS
"""

from __future__ import annotations

import sys
import tempfile
import uuid
from typing import Any

import faust
from river import linear_model


def main(bootstrap: str, events: str, outputs: str) -> None:
    """Predict and learn until stopped."""
    app = faust.App(
        f"stock-{uuid.uuid4().hex}",
        broker=f"kafka://{bootstrap}",
        datadir=tempfile.mkdtemp(),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        autodiscover=False,
    )
    model = linear_model.PAClassifier(C=0.01)
    source = app.topic(events, value_serializer="json", key_serializer="raw")
    sink = app.topic(outputs, value_serializer="json", key_serializer="raw")

    async def score(stream: Any) -> None:
        async for event in stream.events():
            x = dict(event.value)
            id_, y = x.pop("id"), x.pop("label")
            said = model.predict_proba_one(x)[True]
            model.learn_one(x, y)
            _ = await sink.send(key=event.key, value={"id": id_, "score": said})

    app.agent(source, name="score")(score)
    worker = faust.Worker(app, quiet=True, loglevel="ERROR")
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:4])
