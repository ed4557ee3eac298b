"""`riverrun sinks`: all sinks of a pipeline, and those of Kafka Connect there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.connect import config as configs
from app.connect import registering, rest
from app.options import Connect, with_pipeline
from app.pipeline import stores
from app.pipeline import topics as pipeline_topics
from app.tables import table

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.option(
    "--connect",
    "url",
    metavar="URL",
    envvar="RIVERRUN_CONNECT",
    show_envvar=True,
    help="The REST interface of a Kafka Connect: check, register or update the connectors there.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the configuration of each connector to a file there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the configurations of connectors.")
@click.option("--status", is_flag=True, help="With --connect: only show how they are.")
@click.option("--restart", is_flag=True, help="With --connect: start again what has failed.")
@click.option("--delete", is_flag=True, help="With --connect: delete the connectors.")
def sinks(
    pipeline: Pipeline,
    connect: Connect,
    url: str | None,
    out: Path | None,
    as_json: bool,
    status: bool,
    restart: bool,
    delete: bool,
) -> int:
    """List the sinks of a pipeline; write or register the configurations of its connectors.

    Exit code 1 where a connector or one of its tasks does not run.
    """
    if status + restart + delete + as_json + (out is not None) > 1:
        raise click.UsageError("--out, --json, --status, --restart and --delete go one by one")
    if (status or restart or delete) and not url:
        raise click.UsageError("--status, --restart and --delete need --connect")
    if not pipeline.sinks:
        raise click.UsageError(f"{pipeline.name} has no table [sinks.NAME]")
    if as_json or out is not None:
        _write(pipeline, _connectors(pipeline), out)
        return 0
    if not url:
        click.echo(_listed(pipeline))
        return 0
    names, there = _connectors(pipeline), rest.Connect(url)
    if delete:
        _delete(pipeline, there, names)
        return 0
    if status:
        found = registering.states(pipeline, there, names)
    elif restart:
        found = registering.restart(pipeline, there, names)
    else:
        found = registering.register(pipeline, connect(), there, names)
    click.echo(_shown(found))
    return 0 if all(each.running for each in found) else 1


def _connectors(pipeline: Pipeline) -> list[str]:
    if not pipeline.connected:
        raise click.UsageError(f"{pipeline.name} has no table [sinks.NAME] with a connector")
    return list(pipeline.connected)


def _listed(pipeline: Pipeline) -> str:
    rows = []
    for name, sink in pipeline.sinks.items():
        topic = pipeline_topics.topic_of(pipeline, sink.topic)
        assert topic is not None, "checked with the file"
        if isinstance(sink, stores.Stored):
            rows.append([name, topic.name, "riverrun sink", sink.type])
        else:
            rows.append([name, topic.name, "Kafka Connect", sink.connector])
    return table(["sink", "topic", "written by", "store"], rows)


def _write(pipeline: Pipeline, names: list[str], out: Path | None) -> None:
    """As Connect's `POST /connectors` takes them."""
    for name in names:
        config = configs.configuration(pipeline, name)
        text = json.dumps({"name": config["name"], "config": config}, indent=2)
        if out is None:
            click.echo(text)
            continue
        out.mkdir(parents=True, exist_ok=True)
        file = out / f"{config['name']}.json"
        file.write_text(text + "\n")
        click.echo(str(file))


def _delete(pipeline: Pipeline, connect: rest.Connect, names: list[str]) -> None:
    for name in (configs.connector_name(pipeline, each) for each in names):
        click.echo(f"{name}: {'deleted' if connect.delete(name) else 'was not there'}")


def _shown(found: list[rest.Status]) -> str:
    rows = []
    for status in found:
        rows.append([status.name, "", status.state, "", status.error or ""])
        for task in status.tasks:
            rows.append([status.name, str(task.number), task.state, task.worker, task.error or ""])
    return table(["connector", "task", "state", "worker", "error"], rows, right=["task"])
