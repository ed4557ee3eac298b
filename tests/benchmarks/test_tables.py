"""Rows become Markdown tables."""

from typing import Any

from benchmarks.tables import tables


def test_rows_of_one_kind_stand_in_one_table_under_their_title() -> None:
    one: dict[str, Any] = {
        "benchmark": "family",
        "data": "Bananas",
        "task": "binary",
        "events": 5_300,
    }
    other = {**one, "data": "Phishing"}
    rows: list[dict[str, Any]] = [
        {**one, "learner": "a", "params": {}, "accuracy": 0.5},
        {
            **one,
            "learner": "b",
            "params": {"loss": {"type": "river.x.Huber", "epsilon": 1}},
            "accuracy": 0.25,
        },
        {**other, "learner": "a", "params": {"C": 1.0}, "published_accuracy": 0.8872},
    ]
    assert tables(rows) == "\n".join(
        [
            "Bananas, binary, 5,300 events",
            "",
            "| learner | params | accuracy |",
            "| --- | --- | ---: |",
            "| a | – | 0.5 |",
            "| b | loss = Huber(epsilon = 1) | 0.25 |",
            "",
            "Phishing, binary, 5,300 events",
            "",
            "| learner | params | published accuracy |",
            "| --- | --- | ---: |",
            "| a | C = 1.0 | 0.8872 |",
        ]
    )


def test_a_number_that_lacks_is_a_dash() -> None:
    rows: list[dict[str, Any]] = [
        {"benchmark": "learners", "a": 1_000, "b": 2.0},
        {"benchmark": "learners", "b": None},
    ]
    assert tables(rows).splitlines()[2:] == ["| 1,000 | 2.0 |", "| – | – |"]
