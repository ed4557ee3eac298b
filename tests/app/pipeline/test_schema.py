"""The JSON Schema of pipeline files: its copy, what it takes, what it marks."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft7Validator

from app.pipeline.schema import json_schema
from learners import registry
from learners.steps.registry import STEPS
from tests.app.pipeline_files import CARD, LABELS, SMALLEST, WITH_ID
from tests.markdown import PAGES, ROOT, blocks

SCHEMA = json_schema()
COPY = ROOT / "docs" / "pipeline.schema.json"
STEP = '[[learner.steps]]\ntype = "one_hot"\n'


def flaws(text: str) -> list[str]:
    """What the schema marks in a pipeline file."""
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]


def test_the_copy_in_docs_is_the_schema_that_the_command_prints() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert COPY.read_text() == json.dumps(SCHEMA, indent=2, allow_nan=False) + "\n", (
        "riverrun schema > docs/pipeline.schema.json"
    )


GOOD = [block.text for page in PAGES for block in blocks(page, "toml")]
GOOD += [file.read_text() for file in (ROOT / "pipelines").glob("*.toml")]


@pytest.mark.parametrize("text", GOOD)
def test_every_pipeline_file_of_ours_is_taken(text: str) -> None:
    assert flaws(text) == []


@pytest.mark.parametrize("kind", ["river.forest.ARFClassifier", "my_learners:Majority"])
def test_learners_of_others_are_taken_with_any_parameter(kind: str) -> None:
    assert flaws(SMALLEST.replace('"passive_aggressive"', f'"{kind}"\nanything = 3')) == []


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST.replace("topic", "topik", 1),
        SMALLEST.replace("[predictions]", "[prediction]"),
        SMALLEST.replace("passive_aggressive", "pasive_aggressive"),
        SMALLEST + "D = 3\n",
        SMALLEST + 'scale = "yes"\n',
        SMALLEST + STEP + "limits = 3\n",
        SMALLEST + STEP.replace("one_hot", "none_hot"),
        SMALLEST + '[learner.drift]\ndetector = "ddm"\n',
        SMALLEST + "[worker]\nmax_batch = 0\n",
        SMALLEST + '[worker]\ncommit_interval = "100"\n',
        SMALLEST + '[metrics]\ntopic = "m"\nfrozen_since = "today"\n',
        WITH_ID + LABELS + "expire = 30\n",
        WITH_ID + CARD + 'windows = ["-1d"]\n',
        SMALLEST.replace('"passive_aggressive"', '"one_vs_rest"'),
    ],
)
def test_a_flaw_is_marked(text: str) -> None:
    assert flaws(text)


def test_editors_complete_every_learner_and_every_step() -> None:
    def named(table: str) -> set[Any]:
        return {kind["properties"]["type"].get("const") for kind in SCHEMA["$defs"][table]["anyOf"]}

    assert named("Learner") - {None} == set(registry.names())
    assert named("Step") == set(STEPS)


def test_defaults_are_written_as_in_a_file() -> None:
    tables = SCHEMA["$defs"]
    assert tables["Worker"]["properties"]["commit_floor"]["default"] == "15ms"
    assert tables["Labels"]["properties"]["expire"]["default"] == "30d"
    assert tables["Entity"]["properties"]["windows"]["default"] == ["1d"]
    assert "default" not in tables["Worker"]["properties"]["name"]


def test_the_copy_is_named_in_the_docs() -> None:
    assert any(COPY.name in page.read_text() for page in PAGES)
