"""Functions that a pipeline file names are there, or the file is refused."""

from pathlib import Path

import pytest

from app.pipeline.load import PipelineError, load_pipeline

TEXT = """\
name = "p"
[events]
topic = "p.events.v1"
label = "y"
functions = ["app.fraud.online:calendar", "NAME"]
[predictions]
topic = "p.predictions.v1"
[learner]
type = "passive_aggressive"
[metrics]
topic = "p.metrics.v1"
rule = "RULE"
"""


def text(name: str = "math:sqrt", rule: str = "app.fraud.online:rule") -> str:
    """A file with a function and a rule."""
    return TEXT.replace("NAME", name).replace("RULE", rule)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:f", '"nowhere:f": there is no module "nowhere"'),
        ("math:f", "\"math:f\": module 'math' has no attribute 'f'"),
        ("math:pi", '"math:pi" is no function but 3.14'),
    ],
)
def test_a_function_that_is_not_there_is_refused(tmp_path: Path, name: str, why: str) -> None:
    file = tmp_path / "p.toml"
    file.write_text(text(name))
    with pytest.raises(PipelineError) as refused:
        load_pipeline(file, environ={})
    shown = f'p.toml:5: events.functions = ["app.fraud.online:calendar", "{name}"]: {why}'
    assert shown in str(refused.value)

    file.write_text(text(rule=name))
    with pytest.raises(PipelineError) as refused:
        load_pipeline(file, environ={})
    assert f'p.toml:12: metrics.rule = "{name}": {why}' in str(refused.value)


def test_functions_that_are_there_are_taken(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(text())
    pipeline = load_pipeline(tmp_path / "p.toml", environ={})
    assert pipeline.events.functions == ("app.fraud.online:calendar", "math:sqrt")
