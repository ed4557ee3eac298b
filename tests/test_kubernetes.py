"""The manifest for Kubernetes, held to riverrun's own command line and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import cli
from app.pipeline.load import load_pipeline
from tests.containers import ROOT

FILE = ROOT / "docs" / "kubernetes" / "worker.yaml"
PARTS: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text()))
POD = next(part for part in PARTS if part["kind"] == "StatefulSet")["spec"]["template"]["spec"]
WORKER = POD["containers"][0]


def pipeline_file(tmp_path: Path) -> Path:
    """The file of the ConfigMap."""
    ((name, text),) = next(part for part in PARTS if part["kind"] == "ConfigMap")["data"].items()
    file = tmp_path / str(name)
    file.write_text(text)
    return file


def test_its_pipeline_file_and_its_settings_are_good(tmp_path: Path) -> None:
    given = {each["name"]: each.get("value", "pumps-0") for each in WORKER["env"]}
    pipeline = load_pipeline(pipeline_file(tmp_path), environ=given)
    assert pipeline.worker.name == "pumps-0"
    assert (pipeline.worker.web_host, pipeline.worker.web_port) == ("0.0.0.0", 6066)
    assert WORKER["ports"] == [{"name": "web", "containerPort": 6066}]


@pytest.mark.parametrize("container", [*POD["initContainers"], WORKER], ids=lambda c: c["name"])
def test_every_command_line_parses(container: dict[str, Any], tmp_path: Path) -> None:
    file = pipeline_file(tmp_path)
    said = [arg.replace("/etc/riverrun", str(file.parent)) for arg in container["args"]]
    parent = click.Context(cli, info_name="riverrun")
    name, command, rest = cli.resolve_command(parent, said)
    assert command is not None
    assert command.make_context(name, rest, parent=parent).info_name == container["args"][0]


def test_the_probes_ask_what_the_page_answers() -> None:
    routes = (ROOT / "app" / "page" / "server.py").read_text()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = WORKER[probe]["httpGet"]["path"]
        assert f'add_get("{path}"' in routes


def test_it_follows_the_schemas_of_kubernetes() -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="the package kubernetes-validate")
    for part in PARTS:
        schemas.validate(part, schemas.latest_version(), strict=True)
