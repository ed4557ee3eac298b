"""`riverrun demo`: the whole of it, live, with a crash in the middle."""

import click

SOURCES = ("shuttle", "phishing")


@click.command(short_help="See it all run, with a crash in the middle.")
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="N",
    help="Send events for so long; 0: until Ctrl-C.",
)
@click.option(
    "--source",
    type=click.Choice(SOURCES),
    default=SOURCES[0],
    show_default=True,
    help="The real data set, from River, that becomes the stream.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    metavar="N",
    help="They share the partitions.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1, 20_000),
    default=1000.0,
    show_default=True,
    metavar="N",
    help="Events a second.",
)
@click.option(
    "--bootstrap-servers",
    metavar="HOST:PORT,...",
    envvar="KAFKA_BOOTSTRAP_SERVERS",
    show_envvar=True,
    help="The Kafka cluster; without it the demo starts a Kafka of its own.",
)
def demo(
    seconds: float, source: str, workers: int, rate: float, bootstrap_servers: str | None
) -> int:
    """Real data through a real Kafka and a real worker, live, with a crash in the middle.

    Events go in at a steady pace, each is scored and then learned. Halfway, at the latest after
    15 seconds, a worker is killed with -9. In the end every event has its prediction, once:
    exit code 0, else 1. Ctrl-C ends it at any moment. Nothing of it stays.
    """
    from app.demo.stopping import Stopped, Stopping

    with Stopping() as stopping:
        try:
            with stopping.at_once():
                from app.demo.run import Options, run_demo
                from app.demo.screen import screen
                from app.demo.summary import as_text
            options = Options(source, seconds, workers, rate, bootstrap_servers)
            _hush()
            summary = run_demo(options, screen(), stopping)
        except Stopped:
            click.echo("riverrun demo: stopped before the first event, nothing was sent")
            return 0
    click.echo(as_text(summary))
    return 0 if summary.is_whole else 1


def _hush() -> None:
    """Clients grumble while a broker starts; what counts is raised."""
    import logging

    from app.kafka.settings import LOGGER

    LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
