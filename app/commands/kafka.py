"""`riverrun kafka`: the local Kafka by itself, in the background."""

from __future__ import annotations

import click

from app import local_kafka


@click.group()
def kafka() -> None:
    """Start, stop or find the local Kafka."""


@kafka.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens on 127.0.0.1.")
def start(port: int | None) -> None:
    """Start it, unless it runs; the last line is its bootstrap address."""
    click.echo(local_kafka.start_background(port=port))


@kafka.command()
def stop() -> None:
    """Stop it. Its data stays."""
    click.echo("stopped" if local_kafka.stop_background() else "it was not running")


@kafka.command()
def status() -> int:
    """Print its bootstrap address; exit code 1 where it does not run."""
    found = local_kafka.status()
    if found is None:
        click.echo("not running", err=True)
        return 1
    click.echo(found.bootstrap)  # alone, for KAFKA_BOOTSTRAP_SERVERS="$(riverrun kafka status)"
    click.echo(f"process {found.pid}", err=True)
    return 0
