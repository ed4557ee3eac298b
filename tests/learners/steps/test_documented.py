"""The page of the pipeline file says what steps there are, and what they take."""

from __future__ import annotations

import inspect

import pytest

from learners.steps.registry import STEPS
from tests.markdown import ROOT, rows

PAGE = ROOT / "docs" / "pipeline-file.md"


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_documented_with_its_parameters_and_their_defaults(name: str) -> None:
    (row,) = [row for row in rows(PAGE) if row[0] == f"`{name}`"]
    for key, parameter in inspect.signature(STEPS[name]).parameters.items():
        default = parameter.default
        if isinstance(default, bool):
            default = str(default).lower()
        simple = isinstance(default, (int, float, str))
        assert (f"`{key} = {default}`" if simple else f"`{key}`,") in row[2]
