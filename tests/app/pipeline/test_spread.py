"""Several learners that divide the members of one model: settings and topics."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import TopicError
from app.kafka.admin import _check_partitions
from app.kafka.rights import CONFIGS, DELETE, READ, WRITE, topic_rights
from app.pipeline.key_locations import PipelineError
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.pipeline.topics import pipeline_topics

FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
label = "y"
[predictions]
topic = "said"
[learner]
{learner}
{shared}
learners = {learners}
"""
BAG = 'type = "bagging"\nlearner = { type = "arow" }\nmembers = 6'
SHARED = 'shared = "learner"'


def read(
    folder: Path, learner: str = BAG, learners: object = 3, shared: str = SHARED, more: str = ""
) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(FILE.format(learner=learner, shared=shared, learners=learners) + more)
    return load_pipeline(file, environ={})


def test_several_learners_are_one_stage_and_one_more_deals_the_rows_out(tmp_path: Path) -> None:
    pipeline = read(tmp_path)
    scorer, dealing, learning = stages(pipeline)
    assert (scorer.scores, scorer.next_topic) == (True, "p.rows.v1")
    assert (dealing.deals, dealing.scores, dealing.learns, dealing.shared) == (True, *[False] * 3)
    assert (dealing.inputs, dealing.next_topic) == (("p.rows.v1",), "p.shares.v1")
    assert (learning.learns, learning.shared, learning.scores) == (True, True, False)
    assert list(learning.learners) == [0, 1, 2]
    specs = {topic.name: topic.spec(4) for topic in pipeline_topics(pipeline)}
    sizes = {name: spec.partitions for name, spec in specs.items() if name.startswith("p.")}
    assert sizes == {
        "p.dead-letters.v1": 4,
        "p.state.v1": 4,
        "p.rows.v1": 1,
        "p.rows.state.v1": 1,
        "p.shares.v1": 3,
        "p.versions.v1": 3,
    }
    assert specs["p.versions.v1"].config["cleanup.policy"] == "compact"


def test_one_learner_has_the_stages_and_topics_that_it_always_had(tmp_path: Path) -> None:
    one, unset = read(tmp_path, learners=1), read(tmp_path, learners="1\n[topics]")
    assert stages(one) == stages(unset)
    assert len(stages(one)) == 2
    assert [t.name for t in pipeline_topics(one) if t.role == "shares"] == []
    assert new_model(one, 0).fingerprint() == new_model(one).fingerprint()


def test_each_learner_has_its_members(tmp_path: Path) -> None:
    pipeline = read(tmp_path)
    assert [len(new_model(pipeline, n).estimator.members) for n in range(3)] == [2, 2, 2]  # type: ignore[attr-defined]
    assert len(new_model(pipeline).estimator.members) == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"learners": 7}, r"learner\.learners = 7: is more than the 6 members of bagging"),
        ({"learners": 0}, r"learner\.learners = 0"),
        ({"learners": "true"}, r"learner\.learners"),
        ({"learner": 'type = "arow"'}, r"learner\.learners = 3: arow has no members.*bagging, one"),
        ({"shared": ""}, r'learner\.learners = 3: needs learner\.shared = "learner"'),
        ({"shared": 'shared = "mix"'}, r'learner\.learners = 3: needs learner\.shared = "learner"'),
        ({"more": '[learner.drift]\ndetector = "adwin"\n'}, r"learner\.drift.*watches the answer"),
        ({"more": '[learner.rule]\nfeature = "x"\n'}, r"learner\.rule.*weighs the answer of all"),
        (
            {"learner": 'type = "river.ensemble.LeveragingBaggingClassifier"\n'
             'model = { type = "river.tree.HoeffdingTreeClassifier" }'},
            r"learner\.learners = 3: river.*replaces the worst of all its members",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_divided_is_refused_by_key_and_value(
    tmp_path: Path, keys: dict[str, str], error: str
) -> None:
    with pytest.raises(PipelineError, match=error):
        read(tmp_path, **keys)


@pytest.mark.parametrize("before", [1, 2, 4])
def test_topics_of_another_number_of_learners_are_refused(tmp_path: Path, before: int) -> None:
    topics = {topic.role: topic.spec(4) for topic in pipeline_topics(read(tmp_path))}
    said = rf"p\.versions\.v1 has {before} partitions?, and learner\.learners = 3.*new name"
    with pytest.raises(TopicError, match=said):
        _check_partitions(topics["versions"], before)
    _check_partitions(topics["versions"], 3)
    one = {topic.role: topic.spec(4) for topic in pipeline_topics(read(tmp_path, learners=1))}
    with pytest.raises(TopicError, match=r"p\.versions\.v1 has 3 partitions"):
        _check_partitions(one["versions"], 3)


def test_a_worker_knows_what_it_does_with_each_of_its_topics(tmp_path: Path) -> None:
    pipeline = read(tmp_path)
    rights = topic_rights(pipeline)
    assert rights.keys() == {topic.name for topic in pipeline_topics(pipeline)}
    assert rights["p.shares.v1"] == {READ, WRITE, DELETE, CONFIGS}
    assert rights["p.versions.v1"] == rights["p.rows.state.v1"] == {READ, WRITE, CONFIGS}
