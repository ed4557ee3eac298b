"""A pipeline file is read into a frozen object."""

from pathlib import Path
from typing import Final

import pydantic
import pytest

from app.pipeline.load import load_pipeline
from tests.app.pipeline_files import SMALLEST, read, refusal

PIPELINES = Path(__file__).parents[3] / "pipelines"


def test_the_smallest_file_has_the_documented_defaults(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST)
    assert pipeline.model_dump() == {
        "name": "p",
        "events": {
            "topic": "p.events.v1",
            "format": "json",
            "id": None,
            "key": None,
            "label": None,
            "features": None,
            "functions": (),
            "label_values": {},
        },
        "predictions": {"topic": "p.predictions.v1", "format": "json"},
        "learner": {
            "type": "passive_aggressive",
            "scale": False,
            "drift": None,
            "rule": None,
            "steps": (),
            "shared": None,
            "learners": 1,
            "stale_after": 60.0,
            "mark": 3600.0,
        },
        "labels": None,
        "entities": (),
        "decisions": {
            "topic": None,
            "format": "json",
            "threshold": None,
            "budget": None,
            "per": 86_400.0,
            "entity": None,
            "reasons": 0,
        },
        "metrics": None,
        "history": None,
        "state": {"store": "memory", "folder": None},
        "topics": {"partitions": 4, "replication": 1, "retention": None},
        "kafka": {},
        "registry": {},
        "sinks": {},
        "worker": {
            "name": None,
            "static": None,
            "standbys": 0,
            "start": "earliest",
            "commit_interval": 0.1,
            "commit_floor": 0.015,
            "session_timeout": 6.0,
            "transaction_timeout": 10.0,
            "processing_timeout": 120.0,
            "max_batch": 5000,
            "web_host": "127.0.0.1",
            "web_port": None,
        },
        "snapshots": {"allow": ()},
        "archive": None,
    }


def test_the_group_and_the_inner_topics_are_named_after_the_pipeline(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST)
    assert pipeline.group == "p"
    assert pipeline.state_topic == "p.state.v1"
    assert pipeline.dead_letter_topic == "p.dead-letters.v1"


@pytest.mark.parametrize("file", sorted(PIPELINES.glob("*.toml")), ids=lambda file: file.stem)
def test_the_pipelines_that_come_along_can_be_read(file: Path) -> None:
    assert load_pipeline(file, {}, {}).name == file.stem


def test_a_pipeline_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        read(tmp_path, SMALLEST).events.topic = "other"


def test_other_keys_of_the_learner_are_its_parameters(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST + "C = 0.01\nscale = true\nlearn_intercept = false")
    assert pipeline.learner.scale is True
    assert pipeline.learner.params == {"C": 0.01, "learn_intercept": False}


def test_a_parameter_may_be_a_table(tmp_path: Path) -> None:
    text = SMALLEST.replace("passive_aggressive", "river.linear_model.LogisticRegression")
    text += 'optimizer = {type = "river.optim.SGD", lr = 0.1}'
    assert read(tmp_path, text).learner.params == {
        "optimizer": {"type": "river.optim.SGD", "lr": 0.1}
    }


def test_predictions_have_the_format_of_the_events_unless_told(tmp_path: Path) -> None:
    msgpack = SMALLEST.replace('events.v1"', 'events.v1"\nformat = "msgpack"')
    assert read(tmp_path, msgpack).predictions.format == "msgpack"
    assert read(tmp_path, msgpack, predictions__format="json").predictions.format == "json"


@pytest.mark.parametrize(
    "table",
    ['"security.protocol" = "SSL"', 'security.protocol = "SSL"', 'security = {protocol = "SSL"}'],
)
def test_kafka_settings_may_be_quoted_or_dotted(tmp_path: Path, table: str) -> None:
    text = f"{SMALLEST}[kafka]\n{table}\nsocket.keepalive.enable = true"
    assert read(tmp_path, text).kafka == {
        "security.protocol": "SSL",
        "socket.keepalive.enable": True,
    }


class TestPrecedence:
    """The command line wins over the environment, and that over the file."""

    environ: Final = {"RIVERRUN_EVENTS__TOPIC": "of-environ"}

    def test_the_environment_wins_over_the_file(self, tmp_path: Path) -> None:
        assert read(tmp_path, SMALLEST, self.environ).events.topic == "of-environ"

    def test_the_command_line_wins_over_the_environment(self, tmp_path: Path) -> None:
        pipeline = read(tmp_path, SMALLEST, self.environ, events__topic="of-line")
        assert pipeline.events.topic == "of-line"

    def test_texts_become_the_type_of_their_key(self, tmp_path: Path) -> None:
        environ = {
            "RIVERRUN_NAME": "5",
            "RIVERRUN_WORKER__MAX_BATCH": "7",
            "RIVERRUN_WORKER__COMMIT_INTERVAL": "50ms",
            "RIVERRUN_LEARNER__SCALE": "true",
            "RIVERRUN_LEARNER__C": "0.5",
            "RIVERRUN_LEARNER__mode": "2",
            "RIVERRUN_EVENTS__FEATURES": "a, b",
            "RIVERRUN_SNAPSHOTS__ALLOW": '["m.n"]',
            "RIVERRUN_KAFKA__SECURITY_PROTOCOL": "SSL",
        }
        pipeline = read(tmp_path, SMALLEST, environ)
        assert pipeline.name == "5"
        assert (pipeline.worker.max_batch, pipeline.worker.commit_interval) == (7, 0.05)
        assert (pipeline.learner.scale, pipeline.learner.params) == (True, {"C": 0.5, "mode": 2})
        assert pipeline.events.features == ("a", "b")
        assert pipeline.snapshots.allow == ("m.n",)
        assert pipeline.kafka == {"security.protocol": "SSL"}

    def test_a_parameter_that_the_file_names_is_found_in_any_case(self, tmp_path: Path) -> None:
        environ = {"RIVERRUN_LEARNER__LEARN_INTERCEPT": "false"}
        pipeline = read(tmp_path, SMALLEST + "learn_intercept = true", environ)
        assert pipeline.learner.params == {"learn_intercept": False}

    @pytest.mark.parametrize("password", ["1e5", "0x1F", "1_0", "true", "[a]", '"quoted"'])
    def test_a_password_stays_as_it_was_given(self, tmp_path: Path, password: str) -> None:
        pipeline = read(tmp_path, SMALLEST, {"RIVERRUN_KAFKA__SASL_PASSWORD": password})
        assert pipeline.kafka == {"sasl.password": password}

    def test_a_kafka_setting_of_the_command_line_replaces_that_of_the_file(
        self, tmp_path: Path
    ) -> None:
        text = SMALLEST + '[kafka]\n"security.protocol" = "SSL"'
        pipeline = read(tmp_path, text, kafka__security__protocol="PLAINTEXT")
        assert pipeline.kafka == {"security.protocol": "PLAINTEXT"}

    def test_other_variables_are_left_alone(self, tmp_path: Path) -> None:
        others = {"RIVERRUN_SNAPSHOT_KEY": "k", "PATH": "x", "EVENTS__TOPIC": "y"}
        assert read(tmp_path, SMALLEST, others) == read(tmp_path, SMALLEST, {})


OWN = SMALLEST.replace('"passive_aggressive"', '"tests.learners.broken:{}"')


def test_a_learner_of_ones_own_that_says_its_state_needs_no_list(tmp_path: Path) -> None:
    type = "tests.learners.broken:Good"
    assert read(tmp_path, OWN.format("Good")).learner.type == type


def test_a_learner_of_ones_own_that_needs_pickle_must_be_on_the_list(tmp_path: Path) -> None:
    assert refusal(tmp_path, OWN.format("NeedsPickle")) == (
        'p.toml:7: learner.type = "tests.learners.broken:NeedsPickle":'
        " tests.learners.broken.NeedsPickle cannot be saved as data: give it the methods"
        " dump_state() and load_state(state), or set snapshots.allow to its module and"
        " RIVERRUN_SNAPSHOT_KEY to a key"
    )
    allowed = OWN.format("NeedsPickle") + '[snapshots]\nallow = ["tests.learners.broken"]\n'
    assert read(tmp_path, allowed).snapshots.allow == ("tests.learners.broken",)


def test_a_function_that_makes_an_estimator_of_rivers_needs_no_list(tmp_path: Path) -> None:
    module = "learners.anomaly.half_space_trees:half_space_trees"
    text = SMALLEST.replace('"passive_aggressive"', f'"{module}"')
    assert read(tmp_path, text).learner.type == module


def test_a_learner_that_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, OWN.format("CannotBeSaved"))
    assert "p.toml:7: learner.type = " in message
    assert "builtins.object cannot be saved as data" in message
    allow = '[snapshots]\nallow = ["tests.learners.broken"]\n'
    message = refusal(tmp_path, OWN.format("CannotBePickled") + allow)
    assert "could not be saved: CannotBePickled cannot be pickled" in message


def test_settings_of_kafka_that_are_good_only_together_are_taken(tmp_path: Path) -> None:
    text = SMALLEST + (
        '[kafka]\n"security.protocol" = "SASL_SSL"\n"sasl.mechanism" = "SCRAM-SHA-512"\n'
        '"sasl.username" = "ann"\n'
    )
    environ = {"RIVERRUN_KAFKA__SASL_PASSWORD": "a-secret"}
    assert read(tmp_path, text, environ).kafka == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ann",
        "sasl.password": "a-secret",
    }


def test_a_protocol_without_its_mechanism_is_refused_at_its_line(tmp_path: Path) -> None:
    text = SMALLEST + '[kafka]\n"client.id" = "a"\n"security.protocol" = "SASL_SSL"\n'
    assert refusal(tmp_path, text).startswith('p.toml:10: kafka.security.protocol = "SASL_SSL": ')
