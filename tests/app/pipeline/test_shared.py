"""What a shared learner needs, and which topics it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.kafka.admin import _check_partitions
from app.kafka.rights import CONFIGS, READ, WRITE, topic_rights
from app.pipeline.key_locations import PipelineError
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import (
    mark_length,
    merged_together,
    merged_topics,
    only_scores,
    stages,
)
from app.pipeline.topics import pipeline_topics

FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
{events}
[predictions]
topic = "said"
[learner]
type = "{learner}"
shared = "{shared}"
{more}
"""


def read(
    folder: Path,
    *,
    learner: str = "arow",
    shared: str = "learner",
    events: str = 'label = "y"',
    more: str = "",
) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(FILE.format(learner=learner, shared=shared, events=events, more=more))
    return load_pipeline(file, environ={})


def test_a_shared_learner_is_one_more_stage_with_one_partition(tmp_path: Path) -> None:
    pipeline = read(tmp_path)
    scorer, learner = stages(pipeline)
    assert (scorer.scores, scorer.learns, scorer.shared) == (True, False, False)
    assert (learner.scores, learner.learns, learner.shared) == (False, True, True)
    assert (scorer.next_topic, learner.inputs) == ("p.rows.v1", ("p.rows.v1",))
    assert (learner.state_topic, learner.partitions) == ("p.versions.v1", 1)
    assert not only_scores(pipeline)
    specs = {topic.name: topic.spec(4) for topic in pipeline_topics(pipeline)}
    sizes = {name: spec.partitions for name, spec in specs.items()}
    assert (sizes["p.rows.v1"], sizes["p.versions.v1"], sizes["p.state.v1"]) == (1, 1, 4)
    assert specs["p.versions.v1"].config["cleanup.policy"] == "compact"


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"events": ""}, r"learner\.shared.*needs labels to learn from: events\.label"),
        ({"learner": "k_means"}, r"learner\.shared.*without labels"),
        ({"shared": "leader"}, r"learner\.shared"),
        ({"more": 'stale_after = "0s"'}, r"learner\.stale_after"),
    ],
)
def test_what_cannot_be_shared_is_refused_by_the_key(
    tmp_path: Path, keys: dict[str, str], error: str
) -> None:
    with pytest.raises(PipelineError, match=error):
        read(tmp_path, **keys)


def test_a_topic_of_rows_with_more_partitions_is_refused(tmp_path: Path) -> None:
    (spec,) = (t.spec(4) for t in pipeline_topics(read(tmp_path)) if t.role == "rows")
    with pytest.raises(Exception, match=r"p\.rows\.v1 has 2 partitions, but a learner that is"):
        _check_partitions(spec, 2)


def test_a_worker_knows_what_it_does_with_each_of_its_topics(tmp_path: Path) -> None:
    pipeline = read(tmp_path)
    rights = topic_rights(pipeline)
    assert rights.keys() == {topic.name for topic in pipeline_topics(pipeline)}
    assert rights["p.rows.v1"] == rights["p.versions.v1"] == {READ, WRITE, CONFIGS}


def test_partitions_that_mix_have_one_stage_and_a_topic_of_marks(tmp_path: Path) -> None:
    pipeline = read(tmp_path, shared="mix", more='mark = "10m"')
    (stage,) = stages(pipeline)
    assert (stage.scores, stage.learns, stage.shared, stage.next_topic) == (True, True, False, None)
    assert mark_length(pipeline) == 600_000
    assert merged_topics(pipeline) == ("cards",)
    assert merged_together(pipeline)
    specs = {topic.role: topic.spec(4) for topic in pipeline_topics(pipeline)}
    assert (specs["marks"].name, specs["marks"].partitions) == ("p.marks.v1", 4)
    assert specs["marks"].config["cleanup.policy"] == "compact"
    assert topic_rights(pipeline)["p.marks.v1"] == {READ, WRITE, CONFIGS}


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"learner": "river.tree.HoeffdingTreeClassifier"}, r'learner\.type = "river.*cannot be'),
        ({"learner": "passive_aggressive_multiclass"}, r"learner\.type.*cannot be mixed"),
        ({"learner": "svm", "more": 'mode = "pegasos"'}, r'learner\.mode = "pegasos": cannot be'),
        ({"more": '[[learner.steps]]\ntype = "incremental_pca"'}, r"steps\[0\]\.type.*cannot be"),
        ({"more": '[learner.drift]\ndetector = "adwin"'}, r"learner\.drift.*cannot be mixed"),
        ({"learner": "k_means"}, r"learner\.shared.*without labels"),
        ({"more": 'mark = "10ms"'}, r"learner\.mark.*must be 0\.1 s or more"),
        ({"shared": "learner", "more": 'mark = "1h"'}, r"learner\.mark.*needs learner\.shared"),
    ],
)
def test_what_cannot_be_mixed_is_refused_by_key_and_value(
    tmp_path: Path, keys: dict[str, str], error: str
) -> None:
    with pytest.raises(PipelineError, match=error) as raised:
        read(tmp_path, **{"shared": "mix", **keys})
    if "cannot be mixed" in str(raised.value):
        assert 'learner.shared = "learner" takes it' in str(raised.value)
