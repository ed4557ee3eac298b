"""`[[learner.steps]]` of a pipeline file, and the environment and command line above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.pipeline.load import Pipeline, PipelineError, load_pipeline

HEAD = """\
name = "p"
[events]
topic = "p.events.v1"
features = ["amount", "country"]
[predictions]
topic = "p.predictions.v1"
[learner]
type = "passive_aggressive"
"""
TWO = """\
[[learner.steps]]
type = "one_hot"
limit = 5
[[learner.steps]]
type = "gaussian_projection"
n_components = 3
"""


def read(tmp_path: Path, text: str, options: Any = None, environ: Any = None) -> Pipeline:
    file = tmp_path / "p.toml"
    file.write_text(text)
    return load_pipeline(file, options or {}, environ or {})


def test_steps_are_read_in_order_with_their_parameters(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD + TWO).learner.tables == [
        {"type": "one_hot", "limit": 5},
        {"type": "gaussian_projection", "n_components": 3},
    ]
    inline = HEAD + 'steps = [{type = "one_hot", features = ["country"]}, {type = "scale"}]\n'
    assert read(tmp_path, inline).learner.tables == [
        {"type": "one_hot", "features": ["country"]},
        {"type": "scale"},
    ]
    assert read(tmp_path, HEAD).learner.tables == []


def test_a_parameter_of_one_step_can_come_from_the_command_line(tmp_path: Path) -> None:
    pipeline = read(tmp_path, HEAD + TWO, {"learner.steps[1].n_components": "7"})
    assert [table["type"] for table in pipeline.learner.tables] == [
        "one_hot",
        "gaussian_projection",
    ]
    assert pipeline.learner.tables[1]["n_components"] == 7


def test_a_whole_list_above_the_file_replaces_its_steps(tmp_path: Path) -> None:
    environ = {"RIVERRUN_LEARNER__STEPS": '[{type = "scale"}]'}
    assert read(tmp_path, HEAD + TWO, environ=environ).learner.tables == [{"type": "scale"}]
    assert read(tmp_path, HEAD + TWO, {"learner.steps": "[]"}).learner.tables == []


REFUSED = {
    "an unknown step": (
        TWO.replace("gaussian_projection", "gauss"),
        'p.toml:13: learner.steps[1].type = "gauss": unknown; known are feature_hashing, ',
    ),
    "a mistyped step": (
        TWO.replace("one_hot", "onehot"),
        "p.toml:10: learner.steps[0].type = \"onehot\": unknown (did you mean 'one_hot'?); known",
    ),
    "an unknown parameter": (
        TWO.replace("n_components", "components"),
        "p.toml:14: learner.steps[1].components: step 'gaussian_projection' has no such "
        "parameter; it takes n_components, seed",
    ),
    "a parameter out of range": (
        TWO.replace("= 3", "= 0"),
        "p.toml:14: learner.steps[1].n_components = 0: must be a whole number not below 1 and "
        "not above 10000",
    ),
    "a parameter where there is none": (
        '[[learner.steps]]\ntype = "scale"\nmean = 1',
        "p.toml:11: learner.steps[0].mean: step 'scale' has no such parameter; it takes none",
    ),
    "a step without a type": (
        "[[learner.steps]]\nlimit = 5",
        "p.toml:9: learner.steps[0].type is missing",
    ),
    "a step without anything": (
        TWO + "[[learner.steps]]\n",
        "p.toml:15: learner.steps[2].type is missing",
    ),
    "a type that is no text": (
        "[[learner.steps]]\ntype = 5",
        "p.toml:10: learner.steps[0].type = 5: must be a text in quotes",
    ),
    "one table instead of a list": (
        '[learner.steps]\ntype = "scale"',
        "p.toml:9: learner.steps: must be tables, each under [[learner.steps]]",
    ),
    "a list of names": (
        'steps = ["scale"]',
        "p.toml:9: learner.steps: must be tables, each under [[learner.steps]]",
    ),
    "a step in an inline table": (
        'C = 1\nsteps = [{type = "scales"}]',
        "p.toml:10: learner.steps[0].type = \"scales\": unknown (did you mean 'scale'?); known",
    ),
    "texts after numbers": (
        '[[learner.steps]]\ntype = "scale"\n[[learner.steps]]\ntype = "one_hot"',
        'p.toml:12: learner.steps[1].type = "one_hot": takes texts, so it must stand before '
        "'scale'",
    ),
    "a field that is not declared": (
        '[[learner.steps]]\ntype = "one_hot"\nfeatures = ["land"]',
        'p.toml:11: learner.steps[0].features: "land" is none of events.features',
    ),
    "fields that are no list": (
        '[[learner.steps]]\ntype = "one_hot"\nfeatures = "country"',
        'p.toml:11: learner.steps[0].features = "country": must be a list of names of fields',
    ),
}


@pytest.mark.parametrize(("steps", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_step_is_refused_with_key_and_line(tmp_path: Path, steps: str, line: str) -> None:
    with pytest.raises(PipelineError) as refused:
        read(tmp_path, HEAD + steps)
    assert str(refused.value).replace(f"{tmp_path}/", "").startswith(line)


def test_a_step_that_learns_from_labels_is_refused_before_a_learner_without(
    tmp_path: Path,
) -> None:
    text = HEAD.replace("passive_aggressive", "k_means")
    with pytest.raises(PipelineError, match=r"steps\[0\].type = .*is for binary, multiclass, reg"):
        read(tmp_path, text + '[[learner.steps]]\ntype = "select_by_information"')


def test_an_error_of_the_command_line_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as refused:
        read(tmp_path, HEAD + TWO, {"learner.steps[0].limit": "0"})
    assert str(refused.value) == (
        "--set learner.steps[0].limit: learner.steps[0].limit = 0: "
        "must be a whole number not below 1"
    )
