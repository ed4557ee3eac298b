"""The tables of labels, entities, decisions, metrics and state: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.pipeline_files import CARD, LABEL, LABELS, METRICS, SMALLEST, WITH_ID, read, refusal


def test_labels_have_the_documented_defaults(tmp_path: Path) -> None:
    labels = read(tmp_path, WITH_ID + LABELS).labels
    assert labels is not None
    assert labels.model_dump() == {
        "topic": "l",
        "format": "json",
        "id": "id",
        "label": "label",
        "expire": 30 * 86_400.0,
        "on_expire": "drop",
        "source": None,
        "weights": {},
        "max_waiting": 1_000_000,
        "max_idle": 0.0,
        "label_values": {},
        "key": None,
    }


def test_an_entity_has_the_documented_defaults(tmp_path: Path) -> None:
    (entity,) = read(tmp_path, SMALLEST + CARD).entities
    assert entity.model_dump() == {
        "field": "card",
        "source": "events",
        "features": ("count",),
        "windows": (86_400.0,),
        "delay": 0.0,
        "bucket": None,
    }


def test_metrics_have_the_documented_defaults(tmp_path: Path) -> None:
    metrics = read(tmp_path, LABEL + METRICS).metrics
    assert metrics is not None
    assert metrics.model_dump() == {
        "topic": "m",
        "format": "json",
        "window": 86_400.0,
        "k": 100,
        "entity": None,
        "amount": None,
        "fee": 1.0,
        "rule": None,
        "frozen": True,
        "frozen_since": None,
        "rivals": False,
    }


@pytest.mark.parametrize(
    ("learner", "on_expire"),
    [("passive_aggressive", False), ("passive_aggressive", 1), ("linear_regression", 2.5)],
)
def test_an_event_without_a_label_may_get_one_that_the_learner_takes(
    tmp_path: Path, learner: str, on_expire: float
) -> None:
    text = WITH_ID.replace("passive_aggressive", learner) + LABELS
    labels = read(tmp_path, f"{text}on_expire = {str(on_expire).lower()}").labels
    assert labels is not None
    assert labels.on_expire == on_expire
    assert type(labels.on_expire) is type(on_expire)


def test_sources_of_labels_have_weights(tmp_path: Path) -> None:
    text = WITH_ID + LABELS + 'source = "by"\n[labels.weights]\nanalyst = 3\ncustomer = 0\n'
    labels = read(tmp_path, text).labels
    assert labels is not None
    assert labels.weights == {"analyst": 3, "customer": 0}


def test_the_environment_and_the_command_line_reach_these_tables_too(tmp_path: Path) -> None:
    environ = {"RIVERRUN_LABELS__TOPIC": "5", "RIVERRUN_LABELS__EXPIRE": "8d"}
    text = WITH_ID + CARD + CARD.replace("card", "shop")
    options = {"entities[1]__field": "7", "entities[1]__features": "count, mean(x)"}
    pipeline = read(tmp_path, text, environ, **options)
    assert pipeline.labels is not None
    assert (pipeline.labels.topic, pipeline.labels.expire) == ("5", 8 * 86_400.0)
    assert [entity.field for entity in pipeline.entities] == ["card", "7"]
    assert pipeline.entities[1].features == ("count", "mean(x)")


OF_LABELS = (
    "[labels] takes topic, format, id, label, expire, on_expire, source, weights, max_waiting, "
    "max_idle, label_values, key"
)
OF_ENTITIES = "[[entities]] takes field, source, features, windows, delay, bucket"
REFUSED = {
    "a mistyped key of labels": (
        WITH_ID + LABELS + 'expires = "8d"',
        f'p.toml:11: labels.expires: unknown key, did you mean "expire"? {OF_LABELS}',
    ),
    "labels without a topic": (
        WITH_ID + '[labels]\nid = "id"',
        "p.toml:9: labels.topic is missing",
    ),
    "an empty table of labels": (WITH_ID + "[labels]", "p.toml:9: labels.topic is missing"),
    "a text for the table of labels": (
        'labels = "l"\n' + WITH_ID,
        "p.toml:1: labels: must be a table",
    ),
    "a list for a label": (
        WITH_ID + LABELS + "on_expire = [0]",
        "p.toml:11: labels.on_expire = [0]: must be a text, a number, true or false",
    ),
    "a label that the learner does not take": (
        WITH_ID + LABELS + 'on_expire = "fraud"',
        'p.toml:11: labels.on_expire = "fraud": a binary learner takes true, false, '
        '0 or 1; or "drop"',
    ),
    "one field for a label and its id": (
        WITH_ID + LABELS + 'label = "id"',
        'p.toml:11: labels.label = "id": must not be the same field as labels.id',
    ),
    "weights without a source": (
        WITH_ID + LABELS + "[labels.weights]\nanalyst = 3",
        "p.toml:11: labels.weights: needs labels.source, the field that says whose label",
    ),
    "a weight that is too large": (
        WITH_ID + LABELS + 'source = "by"\n[labels.weights]\na = 1\nb = 101',
        "p.toml:14: labels.weights.b: must be 100 or less",
    ),
    "half a weight": (
        WITH_ID + LABELS + 'source = "by"\nweights = {a = 0.5}',
        "p.toml:12: labels.weights.a: must be a whole number",
    ),
    "a number for the table of weights": (
        WITH_ID + LABELS + 'source = "by"\nweights = 3',
        "p.toml:12: labels.weights: must be a table",
    ),
    "a mistyped key of the second entity": (
        SMALLEST + CARD + CARD.replace("card", "shop") + 'window = ["1d"]',
        'p.toml:14: entities[1].window: unknown key, did you mean "windows"? ' + OF_ENTITIES,
    ),
    "an entity without features": (
        SMALLEST + CARD + '[[entities]]\nfield = "shop"',
        "p.toml:11: entities[1].features is missing",
    ),
    "entities as one table": (
        SMALLEST + CARD.replace("[[entities]]", "[entities]"),
        "p.toml:8: entities: must be tables, each under [[entities]]",
    ),
    "entities as texts": (
        'entities = ["card"]\n' + SMALLEST,
        "p.toml:1: entities: must be tables, each under [[entities]]",
    ),
    "a source that is none": (
        SMALLEST + CARD + 'source = "alerts"',
        'p.toml:11: entities[0].source = "alerts": must be "events" or "labels"',
    ),
    "a window without a unit": (
        SMALLEST + CARD + 'windows = ["1d", 7]',
        'p.toml:11: entities[0].windows = ["1d", 7]: must be a length of time with its unit '
        '(ms, s, m, h or d), such as "100ms" or "8d"',
    ),
    "no windows": (
        SMALLEST + CARD + "windows = []",
        "p.toml:11: entities[0].windows = []: must not be empty",
    ),
    "a feature that is none": (
        SMALLEST + CARD.replace('"count"', '"count", "avg(amount)"'),
        'p.toml:10: entities[0].features = ["count", "avg(amount)"]: "avg(amount)" is none of '
        "count, since_last, sum(x), mean(x), std(x), distinct(x), ratio(x), trend(x), last(x), "
        "lag(x, n), with a field of the event as x",
    ),
    "one feature of two entities": (
        SMALLEST + CARD + CARD,
        'p.toml:13: entities[1].features = ["count"]: "card_count_1d" is a feature of '
        "entities[0] already",
    ),
    "a mistyped key of decisions": (
        SMALLEST + "[decisions]\ntreshold = 0.5",
        'p.toml:9: decisions.treshold: unknown key, did you mean "threshold"? '
        "[decisions] takes topic, format, threshold, budget, per, entity, reasons",
    ),
    "a text as threshold": (
        SMALLEST + '[decisions]\nthreshold = "high"',
        'p.toml:9: decisions.threshold = "high": must be a number',
    ),
    "a threshold that nothing reaches": (
        SMALLEST + "[decisions]\nthreshold = nan",
        "p.toml:9: decisions.threshold = NaN: must be a finite number",
    ),
    "a threshold and a budget": (
        SMALLEST + "[decisions]\nthreshold = 0.5\nbudget = 100",
        "p.toml:10: decisions.budget = 100: cannot be beside decisions.threshold",
    ),
    "alerts that nothing decides": (
        SMALLEST + '[decisions]\ntopic = "a"',
        'p.toml:9: decisions.topic = "a": needs decisions.threshold or decisions.budget',
    ),
    "a mistyped key of metrics": (
        LABEL + METRICS + 'windows = "1d"',
        'p.toml:11: metrics.windows: unknown key, did you mean "window"? '
        "[metrics] takes topic, format, window, k, entity, amount, fee, rule, frozen, "
        "frozen_since, rivals",
    ),
    "a day that is none": (
        LABEL + METRICS + 'frozen_since = "2018-02-30"',
        'p.toml:11: metrics.frozen_since = "2018-02-30": must be a date, such as "2018-05-03"',
    ),
    "a day since which nothing is frozen": (
        LABEL + METRICS + 'frozen = false\nfrozen_since = "2018-02-28"',
        'p.toml:12: metrics.frozen_since = "2018-02-28": needs metrics.frozen',
    ),
    "rivals that are not there": (
        LABEL + METRICS + "frozen = false\nrivals = true",
        "p.toml:12: metrics.rivals = true: needs metrics.frozen or metrics.rule",
    ),
    "a fee below nothing": (
        LABEL + METRICS + "fee = -0.5",
        "p.toml:11: metrics.fee = -0.5: must be 0 or more",
    ),
    "a mistyped key of the state": (
        SMALLEST + '[state]\nstores = "memory"',
        'p.toml:9: state.stores: unknown key, did you mean "store"? [state] takes store, folder',
    ),
    "a store that is none": (
        SMALLEST + '[state]\nstore = "redis"',
        'p.toml:9: state.store = "redis": must be "memory" or "disk"',
    ),
    "a key that is no text": (
        SMALLEST.replace('events.v1"', 'events.v1"\nkey = 5'),
        "p.toml:4: events.key = 5: must be a text in quotes",
    ),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text) == line
