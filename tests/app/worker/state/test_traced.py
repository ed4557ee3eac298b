"""An entry that cannot be read is told by its key, also where no digest covers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.state import State
from agents.store import MemoryStore
from app.pipeline.load import load_pipeline
from app.pipeline.stages import stages
from app.worker.state.restore import Restored, RestoreRefused
from app.worker.state.traced import Traced
from tests.app.support import Opened

FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
key = "card"
[labels]
topic = "labels"
label = "y"
[predictions]
topic = "said"
[learner]
type = "passive_aggressive"
[[entities]]
field = "card"
features = ["count"]
windows = ["1d"]
[metrics]
topic = "p.metrics.v1"
window = "1h"
[decisions]
budget = 5
per = "1d"
"""


@pytest.mark.parametrize("key", ["label-time", "judge/clock", "frozen", "decisions/now"])
@pytest.mark.parametrize("value", [b"\xc1", b"\xff\xfe"])
def test_an_entry_of_an_older_state_that_cannot_be_read_is_named(
    tmp_path: Path, key: str, value: bytes
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(FILE)
    pipeline = load_pipeline(file, environ={})
    made, (stage,) = Opened(pipeline), stages(pipeline)
    state = Restored({key: value}, {"cards": 3, "labels": None})
    with pytest.raises(RestoreRefused) as refused:
        made.open({(stage, 0): state})
    assert f"p.state.v1[0]: {key!r} cannot be used" in str(refused.value)


def test_a_look_changes_nothing() -> None:
    store = MemoryStore({"a": b"1", "b": b"2"})
    state = State(Traced(store))
    state.put("a", b"3")
    state.delete("b")
    assert (state.get("a"), state.get("b")) == (b"3", None)
    assert dict(store.beginning("")) == {"a": b"1", "b": b"2"}
