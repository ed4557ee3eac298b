"""`riverrun topics`: create or check the topics of a pipeline."""

from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.option(
    "--alter",
    is_flag=True,
    help="Give topics that are there the retention that the file asks for.",
)
def topics(pipeline: "Pipeline", connect: Connect, alter: bool) -> None:
    """Create or check the topics of a pipeline."""
    from app.kafka.admin import ensure_topics

    for outcome in ensure_topics(pipeline, connect(), alter=alter):
        click.echo(outcome, err=outcome.warns)
