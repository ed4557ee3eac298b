"""`riverrun kafka`: the local Kafka by itself, in the background."""

import click

from app.local_kafka import start_background, stop_background
from app.local_kafka import status as running


@click.group()
def kafka() -> None:
    """Start, stop or find the local Kafka."""


@kafka.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens on 127.0.0.1.")
def start(port: int | None) -> None:
    """Start it, unless it runs; the last line is its bootstrap address."""
    click.echo(start_background(port=port))


@kafka.command()
def stop() -> None:
    """Stop it. Its data stays."""
    click.echo("stopped" if stop_background() else "it was not running")


@kafka.command()
def status() -> int:
    """Print its bootstrap address; exit code 1 where it does not run."""
    found = running()
    click.echo("not running" if found is None else f"{found.bootstrap} (process {found.pid})")
    return 0 if found else 1
