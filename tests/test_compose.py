"""The containers' files, held to the specification and to riverrun's own command line."""

import json
import tomllib
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest

from app.cli import cli
from app.pipeline.load import load_pipeline
from app.replay.times import parse_time
from tests.containers import (
    ROOT,
    compose,
    copied,
    image_environment,
    instructions,
    own_services,
)

SCHEMA = Path(__file__).parent / "data" / "compose-spec.json"
SERVICES = own_services()


def problems(document: object) -> list[str]:
    checker = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]


def parse(command: list[str]) -> click.Context:
    """Parse `riverrun COMMAND` without running it; a wrong line raises a click.UsageError."""
    parent = click.Context(cli, info_name="riverrun")
    name, subcommand, rest = cli.resolve_command(parent, command)
    assert subcommand is not None
    return subcommand.make_context(name, rest, parent=parent)


def test_the_compose_file_follows_the_compose_specification() -> None:
    assert problems(compose()) == []


def test_the_specification_refuses_a_mistyped_key() -> None:
    document = compose()
    document["services"]["kafka"]["helthcheck"] = document["services"]["kafka"].pop("healthcheck")

    assert problems(document) != []


@pytest.mark.parametrize("name", SERVICES)
def test_every_command_line_parses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    context = parse(SERVICES[name]["command"])

    assert context.info_name == SERVICES[name]["command"][0]


def test_a_wrong_command_line_does_not_parse() -> None:
    with pytest.raises(click.UsageError):
        parse(["replay", "pipelines/phishing.toml", "--no-such-option"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_a_setting_that_riverrun_knows(name: str) -> None:
    service = SERVICES[name]
    environment = image_environment() | service["environment"]
    (file,) = [word for word in service["command"] if word.endswith(".toml")]

    # Unknown settings are refused by name.
    pipeline = load_pipeline(ROOT / file, environ=environment)

    assert pipeline.worker.web_port == 6066
    assert pipeline.worker.name == service["environment"].get("RIVERRUN_WORKER__NAME")
    others = {name for name in service["environment"] if not name.startswith("RIVERRUN_")}
    assert others == {"KAFKA_BOOTSTRAP_SERVERS"}


def test_the_worker_with_the_page_has_a_name_and_those_that_are_scaled_have_none() -> None:
    workers = {n: s for n, s in SERVICES.items() if s["command"][0] == "worker"}
    names = {n: s["environment"].get("RIVERRUN_WORKER__NAME") for n, s in workers.items()}

    assert names == {"page": "fraud-page", "worker": None}
    assert {worker["restart"] for worker in workers.values()} == {"unless-stopped"}
    assert "ports" not in workers["worker"]


def test_the_page_listens_where_its_port_is_published() -> None:
    page = SERVICES["page"]
    pipeline = load_pipeline(ROOT / "pipelines/fraud.toml", environ=page["environment"])
    host = "RIVERRUN_WORKER__WEB_HOST"
    open_to_others = {name for name, s in SERVICES.items() if host in s["environment"]}

    assert page["ports"] == ["127.0.0.1:6066:6066"]
    assert pipeline.worker.web_host == "0.0.0.0"
    assert open_to_others == {"page"}
    assert "host" in page["networks"]  # a port of an internal network is not published


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_to_its_cache_and_to_memory_only(name: str) -> None:
    service = SERVICES[name]
    cache = image_environment()["NUMBA_CACHE_DIR"]

    assert service["read_only"]
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert [volume.partition(":")[2] for volume in service["volumes"]] == [cache]
    made = f"install --directory --owner riverrun {cache}"
    assert any(made in rest for word, rest in instructions() if word == "RUN")


def test_every_service_has_a_limit_of_memory() -> None:
    services: dict[str, Any] = compose()["services"]

    assert [name for name, service in services.items() if "mem_limit" not in service] == []


def test_the_replays_are_two_parts_of_one_whole_and_can_be_started_again() -> None:
    history, rest = (parse(SERVICES[name]["command"]).params for name in ("history", "replay"))

    assert history["until"] == rest["since"] == parse_time("2018-06-01")
    assert history["resume"]
    assert rest["resume"]
    assert {history["source"], rest["source"]} == {"live"}
    assert {history["label_delay"], rest["label_delay"]} == {7 * 86_400}
    assert rest["pace"] == 8640
    assert SERVICES["replay"]["depends_on"]["history"]["condition"].endswith("successfully")


def test_what_the_program_needs_besides_python_is_installed_with_it() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = [
        ROOT / package.replace(".", "/") / pattern
        for package, found in declared["package-data"].items()
        for pattern in found
    ]
    packages = [ROOT / name for name in ("agents", "app", "learners", "topics")]
    files = [file for package in packages for file in package.rglob("*") if file.is_file()]
    others = [f for f in files if f.suffix != ".py" and "__pycache__" not in f.parts]

    assert ROOT / "app/page/static/page.js" in others
    assert [f for f in others if not any(f.match(str(pattern)) for pattern in patterns)] == []


def test_nothing_is_reached_from_outside_the_host() -> None:
    services: dict[str, Any] = compose()["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert compose()["networks"]["inside"] == {"internal": True}


def test_the_services_meet_the_broker_where_it_says_it_is() -> None:
    broker = compose()["services"]["kafka"]["environment"]
    advertised = dict(
        listener.split("://") for listener in broker["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )

    addresses = {service["environment"]["KAFKA_BOOTSTRAP_SERVERS"] for service in SERVICES.values()}

    assert addresses == {advertised["INSIDE"]}


def test_what_the_dockerfile_copies_is_there_and_reaches_the_build() -> None:
    let_through = (ROOT / ".dockerignore").read_text().splitlines()

    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), f"COPY {source}: no such file"
        assert f"!{source}" in let_through, f"COPY {source}: .dockerignore keeps it out"


def test_the_image_runs_as_a_user_and_stops_on_sigterm() -> None:
    last = dict(instructions())

    assert last["USER"] == "riverrun"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["ENTRYPOINT"]) == ["riverrun"]
