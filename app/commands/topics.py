"""`riverrun topics`: create, check or delete the topics of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.kafka import admin, deleting
from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.option(
    "--alter",
    is_flag=True,
    help="Give topics that are there the retention that the file asks for.",
)
@click.option(
    "--delete",
    is_flag=True,
    help="Delete what the pipeline has written, its model and its offsets: it begins anew.",
)
@click.option("--inputs", is_flag=True, help="With --delete: the events and the labels, too.")
@click.option("--yes", is_flag=True, help="With --delete: do not ask.")
def topics(
    pipeline: Pipeline, connect: Connect, alter: bool, delete: bool, inputs: bool, yes: bool
) -> None:
    """Create, check or delete the topics of a pipeline."""
    if (alter and delete) or ((inputs or yes) and not delete):
        raise click.UsageError("--delete goes without --alter; --inputs and --yes need --delete")
    if delete:
        _delete(pipeline, connect(), inputs, yes)
        return
    for outcome in admin.ensure_topics(pipeline, connect(), alter=alter):
        click.echo(outcome, err=outcome.warns)


def _delete(pipeline: Pipeline, kafka: KafkaSettings, inputs: bool, yes: bool) -> None:
    names = deleting.deletable(pipeline, kafka, inputs=inputs)
    if not yes:
        click.echo("\n".join(names), err=True)
        click.confirm(
            f"Delete these {len(names)} topics at {kafka.bootstrap_servers}, with the model and"
            f" the offsets of {pipeline.name}?",
            abort=True,
            err=True,
        )
    deleting.delete_topics(pipeline, kafka, names)
    for name in names:
        click.echo(f"{name}: deleted")
