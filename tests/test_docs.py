"""The documentation says what the program does: its settings, commands, examples and links."""

import contextlib
import inspect
import json
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pydantic
import pytest

from app.cli import COMMANDS, cli
from app.kafka.settings import OWNED
from app.pipeline.connectors import KINDS
from app.pipeline.durations import parse_duration
from app.pipeline.load import load_pipeline
from app.pipeline.model import Pipeline
from app.pipeline.running import Learner
from app.pipeline.setting_sources import from_environment, nested
from app.pipeline.stores import Stored
from learners import registry
from learners.river.names import find
from tests.markdown import PAGES, ROOT, anchors, blocks, links, rows

README = ROOT / "README.md"
PIPELINE_FILE = ROOT / "docs" / "pipeline-file.md"
CONNECT = ROOT / "docs" / "connect.md"
TEXT = "\n".join(page.read_text() for page in PAGES)
LENGTHS = (
    "topics.retention",
    "commit_",
    "_timeout",
    "labels.expire",
    "labels.max_idle",
    "learner.stale_after",
    "learner.mark",
    "entities.delay",
    "decisions.per",
    "metrics.window",
    "archive.every",
    "sinks.retry",
)


def settings(table: type[pydantic.BaseModel] = Pipeline, prefix: str = "") -> Iterator[Any]:
    """Dotted key and field of every setting of a pipeline file."""
    for name, field in table.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        tables = [k for k in kinds if inspect.isclass(k) and issubclass(k, pydantic.BaseModel)]
        if tables and name != "steps":
            yield from settings(tables[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


SETTINGS = dict([*settings(), *settings(Stored, "sinks.")])
DOCUMENTED = {row[0].strip("`"): row for row in rows(PIPELINE_FILE) if len(row) == 4}


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_is_documented_with_its_default(key: str) -> None:
    field, default = SETTINGS[key], DOCUMENTED[key][2].strip("`")
    if field.is_required():
        assert default == "required"
    elif key == "predictions.format":
        assert default == "that of the events"
    elif key == "entities.windows":
        assert tuple(map(parse_duration, json.loads(default))) == field.default
    elif any(part in key for part in LENGTHS) and field.default is not None:
        assert parse_duration(default.strip('"')) == pytest.approx(field.default)
    else:
        words = {"None": "none", "True": "true", "False": "false", "()": "[]", "{}": "empty"}
        assert default.strip('"') == words.get(str(field.default), str(field.default))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_of_a_connector_is_documented_with_its_default(kind: str) -> None:
    found = [[cell.replace("`", "") for cell in row[:3]] for row in rows(CONNECT)]
    for key, field in settings(KINDS[kind], "sinks."):
        defaults = [row[2].strip('"') for row in found if key in row[0].split(", ")]
        words = {"None": "none", "{}": "empty", "60.0": "1m"}
        default = "required" if field.is_required() else str(field.default)
        assert words.get(default, default) in defaults, key


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert {key for key in DOCUMENTED if re.fullmatch(r"[a-z_]+\.[a-z_]+", key)} <= set(SETTINGS)


def test_every_setting_of_kafka_that_is_riverruns_own_is_documented() -> None:
    assert [name for name in OWNED if f"`{name}`" not in PIPELINE_FILE.read_text()] == []


@pytest.mark.parametrize("name", registry.names())
def test_every_learner_is_documented_with_its_parameters_and_their_defaults(name: str) -> None:
    made: Any = registry.OURS.get(name) or find(registry.WRAPPED[name])
    (row,) = [row for row in rows(PIPELINE_FILE) if row[0] == f"`{name}`"]
    for key, parameter in inspect.signature(made).parameters.items():
        default = parameter.default
        if default is inspect.Parameter.empty:
            assert f"`{key}`, required" in row[2]
            continue
        assert f"`{key} = {shown(default)}`" in row[2]


def shown(default: object) -> str:
    """A default as TOML writes it."""
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if isinstance(default, str) else str(default)


def commands(group: click.Group, path: str = "riverrun") -> Iterator[str]:
    """The command lines of every command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


@pytest.mark.parametrize("command", list(commands(cli)))
def test_every_command_is_documented(command: str) -> None:
    *group, name = command.split()
    alternatives = rf"{' '.join(group)} \w+\|[\w|]*\b{name}\b"
    assert f"`{command}" in TEXT or re.search(alternatives, TEXT)


def command_lines() -> list[str]:
    """Every call of riverrun in a shell block, without the program's name."""
    shell = "\n".join(block.text for page in PAGES for block in blocks(page, "sh"))
    plain = re.sub(r"\$\(([^()]*)\)", r"\n\1\n", shell.replace("\\\n", " "))
    call = r"^(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?riverrun ([^#&\n]*)"
    return sorted(set(re.findall(call, plain, re.M)))


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_parses(line: str) -> None:
    command: click.Command | None = cli
    words = shlex.split(line)
    parent = click.Context(cli, info_name="riverrun")
    while isinstance(command, click.Group) and words != ["--help"]:
        _, command, words = command.resolve_command(parent, words)
    assert command is not None
    with contextlib.suppress(click.exceptions.Exit):  # of --help
        command.make_context(line, words, parent=parent)


def test_no_command_is_named_that_does_not_exist() -> None:
    named = set(re.findall(r"`riverrun ([a-z-]+)", TEXT))
    assert named
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_resolves(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.fixture
def my_learners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module of the example, importable."""
    (code,) = [b.text for b in blocks(PIPELINE_FILE, "python") if "class Majority" in b.text]
    (tmp_path / "my_learners.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_learners", raising=False)
    return tmp_path


TOML = [(page, block) for page in PAGES for block in blocks(page, "toml")]


@pytest.mark.parametrize(("page", "block"), TOML, ids=[page.name for page, _ in TOML])
def test_every_pipeline_file_loads(page: Path, block: Any, my_learners: Path) -> None:
    if '"avro"' in block.text:
        pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
    file = my_learners / "example.toml"
    file.write_text(block.text)
    secrets = {"RIVERRUN_KAFKA__SASL_PASSWORD": "secret"} if "sasl" in block.text else {}
    assert load_pipeline(file, environ=secrets).name == block.text.split('"')[1], page


def test_the_first_pipeline_of_the_readme_is_the_one_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(blocks(README, "toml")[0].text)
    ours = load_pipeline(ROOT / "pipelines" / "payments.toml", environ={})
    assert load_pipeline(tmp_path / "p.toml", environ={}) == ours


def test_the_refusal_that_is_shown_is_the_one_that_comes(tmp_path: Path) -> None:
    (shown, *_) = [
        b.text for b in blocks(PIPELINE_FILE, "text") if "riverrun: pumps.toml" in b.text
    ]
    smallest = blocks(PIPELINE_FILE, "toml")[0].text
    text = smallest.replace('"k_means"', '"arow"') + "r = -1\n"
    (tmp_path / "pumps.toml").write_text(text)
    with pytest.raises(ValueError, match="learner") as refused:
        load_pipeline(tmp_path / "pumps.toml", environ={})
    assert shown == f"riverrun: {refused.value}\n".replace(f"{tmp_path}/", "")


def test_the_example_of_a_learner_keeps_the_contract(my_learners: Path) -> None:
    (code,) = [b.text for b in blocks(PIPELINE_FILE, "python") if "contract.ALL" in b.text]
    (my_learners / "check_it.py").write_text(code)
    runpy.run_path(str(my_learners / "check_it.py"))


VARIABLES = sorted(set(re.findall(r"\b(?:RIVERRUN|KAFKA|XDG|JAVA|NUMBA)_[A-Z_]*[A-Z]\b", TEXT)))


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_environment_variable_exists(variable: str) -> None:
    if "__" in variable:
        (key,) = from_environment({variable: "1"}, [])
        known = key[0] in ("kafka", "registry", "learner") or ".".join(key) in SETTINGS
        assert known, nested({})
        return
    program = [*ROOT.glob("app/**/*.py"), *ROOT.glob("learners/*.py"), ROOT / "Dockerfile"]
    assert any(variable in file.read_text() for file in program)


@pytest.mark.parametrize(
    "named", sorted(set(re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", TEXT)))
)
def test_every_test_that_is_named_exists(named: tuple[str, str]) -> None:
    file, test = named
    assert f"def {test}" in (ROOT / file).read_text()


def test_the_pictures_are_as_they_are_drawn() -> None:
    folder = ROOT / "docs" / "pictures"
    drawn = runpy.run_path(str(folder / "draw.py"))["drawings"]()
    assert {file.name: file.read_text() for file in folder.glob("*.svg")} == drawn


def test_learner_parameters_are_the_only_keys_without_a_row() -> None:
    shared = {"shared", "learners", "stale_after", "mark"}
    assert set(Learner.model_fields) == {"type", "scale", "drift", "rule", "steps"} | shared
