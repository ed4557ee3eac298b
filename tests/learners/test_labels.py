from __future__ import annotations

from typing import Any

import pytest

from learners.base import Task
from learners.errors import LabelError
from learners.labels import check_label


@pytest.mark.parametrize(
    ("task", "given", "taken"),
    [
        ("binary", True, True),
        ("binary", 0, False),
        ("binary", 1.0, True),
        ("regression", 3, 3.0),
        ("multiclass", "cat", "cat"),
        ("multiclass", 2.0, 2),
        ("multiclass", True, True),
        ("clustering", "whatever", None),
        ("anomaly", None, None),
    ],
)
def test_a_label_becomes_what_the_task_learns_from(task: Task, given: Any, taken: Any) -> None:
    label = check_label(task, given)
    assert (label, type(label)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("binary", -1),
        ("binary", 2),
        ("binary", "true"),
        ("binary", None),
        ("binary", float("nan")),
        ("regression", True),
        ("regression", "3"),
        ("regression", float("inf")),
        ("regression", 10**400),
        ("multiclass", 2.5),
        ("multiclass", None),
        ("multiclass", [1]),
    ],
)
def test_any_other_label_is_refused_by_what_it_is(task: Task, given: Any) -> None:
    with pytest.raises(LabelError, match=r"label .*takes"):
        check_label(task, given)
