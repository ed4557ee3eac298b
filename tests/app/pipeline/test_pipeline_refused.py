"""Whatever is wrong in a pipeline file, or above it, is refused in one line that says where."""

from pathlib import Path

import pytest

from app.pipeline.load import PipelineError, load_pipeline
from tests.app.pipeline_files import LABEL, SMALLEST, refusal

EVENTS = 'name = "p"\n[events]\ntopic = "e"\n'
REST = '\n[predictions]\ntopic = "q"\n[learner]\ntype = "svm"\n'
TABLES = (
    "name, events, predictions, learner, labels, entities, decisions, metrics, history, state, "
    "topics, kafka, registry, sinks, worker, snapshots, archive"
)
REFUSED = {
    "a mistyped key": (
        EVENTS + 'formt = "json"' + REST,
        'p.toml:4: events.formt: unknown key, did you mean "format"? '
        "[events] takes topic, format, id, key, label, features, functions, label_values",
    ),
    "a mistyped key where another is missing": (
        'name = "p"\n[events]\ntopc = "e"' + REST,
        'p.toml:3: events.topc: unknown key, did you mean "topic"? '
        "[events] takes topic, format, id, key, label, features, functions, label_values",
    ),
    "an unknown table": (
        SMALLEST + '[gadgets]\ntopic = "l"',
        "p.toml:8: gadgets: unknown key; a pipeline takes " + TABLES,
    ),
    "an unknown key on top": (
        "names = 5\n" + SMALLEST,
        f'p.toml:1: names: unknown key, did you mean "name"? a pipeline takes {TABLES}',
    ),
    "a missing key": (
        'name = "p"\n\n[events]\nid = "id"' + REST,
        "p.toml:3: events.topic is missing",
    ),
    "a missing table": ('name = "p"\n[events]\ntopic = "e"', "p.toml: predictions is missing"),
    "a missing name": (SMALLEST.split("\n", 1)[1], "p.toml: name is missing"),
    "an empty file": ("", "p.toml: name is missing"),
    "a number for a text": (
        EVENTS + "id = 5" + REST,
        "p.toml:4: events.id = 5: must be a text in quotes",
    ),
    "a text for a table": (
        'name = "p"\nevents = "e"' + REST,
        "p.toml:2: events: must be a table",
    ),
    "a text for a list": (
        EVENTS + 'features = "a"' + REST,
        'p.toml:4: events.features = "a": must be a list of texts, such as ["a", "b"]',
    ),
    "a list of something else": (
        EVENTS + 'features = [\n"a",\n1]' + REST,
        'p.toml:4: events.features = ["a", 1]: must be a text in quotes',
    ),
    "an empty list of features": (
        EVENTS + "features = []" + REST,
        "p.toml:4: events.features = []: must not be empty",
    ),
    "a feature twice": (
        EVENTS + 'features = ["a", "b", "a"]' + REST,
        'p.toml:4: events.features = ["a", "b", "a"]: has "a" more than once',
    ),
    "the label among the features": (
        EVENTS + 'label = "a"\nfeatures = ["a", "b"]' + REST,
        'p.toml:5: events.features = ["a", "b"]: must not hold "a", which is events.label',
    ),
    "the id among the features": (
        EVENTS + 'id = "b"\nfeatures = ["a", "b"]' + REST,
        'p.toml:5: events.features = ["a", "b"]: must not hold "b", which is events.id',
    ),
    "one field for id and label": (
        EVENTS + 'id = "a"\nlabel = "a"' + REST,
        'p.toml:5: events.label = "a": must not be the same field as events.id',
    ),
    "an unknown format": (
        EVENTS + 'format = "xml"' + REST,
        'p.toml:4: events.format = "xml": must be "json", "msgpack" or "avro"',
    ),
    "an empty topic": (
        'name = "p"\n[events]\ntopic = ""' + REST,
        "p.toml:3: events.topic = \"\": must be a Kafka topic name: 1 to 249 letters, digits, '.', "
        "'_' or '-'",
    ),
    "one topic for events and predictions": (
        SMALLEST.replace("p.events.v1", "p.predictions.v1"),
        'p.toml:5: predictions.topic = "p.predictions.v1": must differ from events.topic '
        "(to Kafka '.' and '_' collide)",
    ),
    "topics that collide": (
        SMALLEST.replace("p.events.v1", "p_predictions.v1"),
        'p.toml:5: predictions.topic = "p.predictions.v1": must differ from events.topic '
        "(to Kafka '.' and '_' collide)",
    ),
    "the state topic as input": (
        SMALLEST.replace("p.events.v1", "p.state.v1"),
        'p.toml:3: events.topic = "p.state.v1": must differ from the state topic of this pipeline '
        "(to Kafka '.' and '_' collide)",
    ),
    "a name that Kafka does not take": (
        SMALLEST.replace('"p"', '"a b"'),
        "p.toml:1: name = \"a b\": must be 1 to 200 letters, digits, '.', '_' or '-'",
    ),
    "a duration without a unit": (
        SMALLEST + "[worker]\ncommit_interval = 100",
        "p.toml:9: worker.commit_interval = 100: must be a length of time with its unit "
        '(ms, s, m, h or d), such as "100ms" or "8d"',
    ),
    "a negative duration": (
        SMALLEST + '[worker]\nsession_timeout = "-6s"',
        'p.toml:9: worker.session_timeout = "-6s": must not be negative',
    ),
    "an interval of zero": (
        SMALLEST + '[worker]\ncommit_interval = "0s"',
        'p.toml:9: worker.commit_interval = "0s": must be more than zero',
    ),
    "a floor above the interval": (
        SMALLEST + '[worker]\ncommit_floor = "1s"',
        'p.toml:9: worker.commit_floor = "1s": must not be longer than worker.commit_interval',
    ),
    "an interval above its default floor": (
        SMALLEST + '[worker]\ncommit_interval = "1ms"',
        "p.toml:8: worker.commit_floor: must not be longer than worker.commit_interval",
    ),
    "a transaction shorter than its interval": (
        SMALLEST + '[worker]\ncommit_interval = "20s"',
        "p.toml:8: worker.transaction_timeout: must be longer than worker.commit_interval",
    ),
    "no partitions": (
        SMALLEST + "[topics]\npartitions = 0",
        "p.toml:9: topics.partitions = 0: must be 1 or more",
    ),
    "a fraction for a whole number": (
        SMALLEST + "[topics]\npartitions = 1.5",
        "p.toml:9: topics.partitions = 1.5: must be a whole number",
    ),
    "true for a whole number": (
        SMALLEST + "[topics]\nreplication = true",
        "p.toml:9: topics.replication = true: must be a whole number",
    ),
    "a port out of range": (
        SMALLEST + "[worker]\nweb_port = 70000",
        "p.toml:9: worker.web_port = 70000: must be 65535 or less",
    ),
    "a text for true or false": (
        SMALLEST + 'scale = "yes"',
        'p.toml:8: learner.scale = "yes": must be true or false',
    ),
    "a list as a setting of Kafka": (
        SMALLEST + "[kafka]\nbootstrap.servers = []",
        "p.toml:9: kafka.bootstrap.servers: must be a text, a number, true or false",
    ),
    "a module that is none": (
        SMALLEST + '[snapshots]\nallow = ["os; rm"]',
        'p.toml:9: snapshots.allow = ["os; rm"]: '
        'must be a module of Python, such as "my_company.ml"',
    ),
    "a snapshot key in the file": (
        SMALLEST + '[snapshots]\nkey = "hidden"',
        "p.toml:9: snapshots.key: a key does not belong in a file: "
        "set RIVERRUN_SNAPSHOT_KEY in the environment",
    ),
    "an unknown setting of Kafka": (
        SMALLEST + '[kafka]\nsecurity.protocl = "SSL"',
        'p.toml:9: kafka.security.protocl: "security.protocl" is no setting of librdkafka',
    ),
    "a setting of Kafka that has another type": (
        SMALLEST + '[kafka]\n"socket.keepalive.enable" = "maybe"',
        'p.toml:9: kafka.socket.keepalive.enable = "maybe": '
        'Expected bool value for "socket.keepalive.enable": true or false',
    ),
    "a setting of Kafka that is not the user's": (
        SMALLEST + '[kafka]\ngroup.id = "x"',
        'p.toml:9: kafka.group.id = "x": group.id is riverrun\'s own setting: '
        "it is the name of the pipeline",
    ),
    "a certificate that is not there": (
        SMALLEST + '[kafka]\nsecurity.protocol = "SSL"\nssl.ca.location = "/no/ca.pem"',
        'p.toml:10: kafka.ssl.ca.location = "/no/ca.pem": there is no such file',
    ),
    "a login without a mechanism": (
        SMALLEST + '[kafka]\nsecurity.protocol = "SASL_SSL"',
        'p.toml:9: kafka.security.protocol = "SASL_SSL": '
        "needs sasl.mechanism, such as SCRAM-SHA-512",
    ),
    "an address that is none": (
        SMALLEST + '[kafka]\nbootstrap.servers = "a b"',
        'p.toml:9: kafka.bootstrap.servers = "a b": bootstrap servers "a b": '
        "must be HOST:PORT, several with commas",
    ),
    "a learner's parameter out of range": (
        SMALLEST + "C = -1",
        "p.toml:8: learner.C = -1: must be a number above 0",
    ),
    "a broken line": (
        'name = "p"\n[events\ntopic = "e"',
        "p.toml:2: is not valid TOML: Expected ']' at the end of a table declaration",
    ),
    "a text without quotes": (
        "name = p",
        "p.toml:1: is not valid TOML: a text needs quotes, "
        "and what is no text is a number, true or false",
    ),
    "a value that is missing": (
        'name =\ntopic = "e"',
        "p.toml:1: is not valid TOML: Invalid value",
    ),
    "a text that does not end": (
        'a = 1\nname = "',
        "p.toml:2: is not valid TOML: Unterminated string",
    ),
    "a key twice": (
        'name = "p"\nname = "q"',
        "p.toml:2: is not valid TOML: Cannot overwrite a value",
    ),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text) == line


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        (
            SMALLEST.replace("passive_aggressive", "svn"),
            "p.toml:7: learner.type = \"svn\": unknown (did you mean 'svm'?); known are ",
        ),
        (
            SMALLEST + "half_life = 5",
            "p.toml:8: learner.half_life: learner 'passive_aggressive' has no parameter "
            "'half_life'; it takes C, mode, learn_intercept",
        ),
    ],
)
def test_an_unknown_learner_or_parameter_is_refused_with_what_is_known(
    tmp_path: Path, text: str, beginning: str
) -> None:
    assert refusal(tmp_path, text).startswith(beginning)


def test_a_long_topic_is_refused_and_its_value_cut_short(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST.replace("p.events.v1", "e" * 250))
    assert line.startswith(f'p.toml:3: events.topic = "{"e" * 76}...: must be a Kafka topic name')


def test_an_error_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST, {"RIVERRUN_EVENTS__FORMAT": "xml"})
    given = 'RIVERRUN_EVENTS__FORMAT: events.format = "xml"'
    assert line == f'{given}: must be "json", "msgpack" or "avro"'


def test_a_mistyped_variable_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST, {"RIVERRUN_EVENT__TOPIC": "t"})
    assert line.startswith('RIVERRUN_EVENT__TOPIC: event: unknown key, did you mean "events"?')


def test_an_error_of_the_command_line_names_the_option(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST, worker__max_batch="many")
    assert line == '--set worker.max_batch: worker.max_batch = "many": must be a whole number'


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST + '[kafka]\nsasl.password = ["hidden"]')
    assert line == "p.toml:9: kafka.sasl.password: must be a text, a number, true or false"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"p\.toml: cannot be read: No such file"):
        load_pipeline(tmp_path / "p.toml", {}, {})


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="cannot be read: Is a directory"):
        load_pipeline(tmp_path, {}, {})


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_bytes(b'name = "p"\n# caf\xe9\n')
    with pytest.raises(PipelineError, match=r"p\.toml:2: is not UTF-8"):
        load_pipeline(tmp_path / "p.toml", {}, {})


def test_what_a_label_stands_for_must_be_a_label(tmp_path: Path) -> None:
    words = LABEL + '[events.label_values]\nyes = "true"\n'
    assert refusal(tmp_path, words).endswith(
        "events.label_values.yes: a binary learner takes true, false, 0 or 1"
    )
    without = SMALLEST + "[events.label_values]\nyes = true\n"
    assert "needs events.label" in refusal(tmp_path, without)
