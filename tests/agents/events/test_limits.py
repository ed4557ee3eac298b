"""What a label stands for is decided before the model checks it."""

from __future__ import annotations

import pytest

from agents.events.limits import label_check
from learners import registry

VALUES = {"yes": True, "no": False, "-1": False}


@pytest.mark.parametrize(
    ("label", "taken"), [("yes", True), ("no", False), (-1, False), (True, True), (0, False)]
)
def test_labels_are_named_or_taken_as_they_are(label: object, taken: bool) -> None:
    assert label_check(registry.create("arow"), VALUES)(label) is taken


def test_other_names_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"label 'maybe': .*label_values has yes, no, -1"):
        label_check(registry.create("arow"), VALUES)("maybe")


def test_labels_that_others_judge_by_are_named_too() -> None:
    assert label_check(registry.create("k_means"), VALUES)("yes") is True
