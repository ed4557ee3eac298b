"""`riverrun topics`: create or check the topics of a pipeline."""

import click

from app.kafka.admin import ensure_topics
from app.options import Connect, with_pipeline
from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.option(
    "--alter",
    is_flag=True,
    help="Give topics that are there the retention that the file asks for.",
)
def topics(pipeline: Pipeline, connect: Connect, alter: bool) -> None:
    """Create or check the topics of a pipeline."""
    for outcome in ensure_topics(pipeline, connect(), alter=alter):
        click.echo(outcome, err=outcome.warns)
