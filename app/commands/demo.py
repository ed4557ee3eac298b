"""`riverrun demo`: card fraud, live, with a crash in the middle."""

import click

from app.replay.times import parse_pace


class Pace(click.ParamType):
    """Event time in time: "1d/10s"."""

    name = "pace"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of event time in a second."""
        try:
            return value if isinstance(value, float) else parse_pace(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=180.0,
    show_default=True,
    metavar="N",
    help="How long, after the history; 0: until Ctrl-C.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    metavar="N",
    help="Each has a partition, and a model of its own.",
)
@click.option(
    "--cards",
    type=click.IntRange(50, 20_000),
    default=600,
    show_default=True,
    metavar="N",
    help="Cards that pay, twice a day as a mean.",
)
@click.option(
    "--pace",
    type=Pace(),
    default="1d/10s",
    show_default=True,
    metavar="TIME/TIME",
    help="How fast the simulated time passes.",
)
@click.option(
    "--bootstrap-servers",
    metavar="HOST:PORT,...",
    envvar="KAFKA_BOOTSTRAP_SERVERS",
    show_envvar=True,
    help="The Kafka cluster; without it the demo starts a Kafka of its own.",
)
def demo(
    seconds: float, workers: int, cards: int, pace: float, bootstrap_servers: str | None
) -> int:
    """Card fraud through a real Kafka and a real worker, live, with a crash in the middle.

    A simulator sends payments, and their labels 7 days later. A history goes first, as
    fast as can be, then a day takes 10 seconds. A fraud that the model has never seen begins; a
    copy of the model that is frozen at that moment shows what learning is worth. A run that is
    too short to see its labels come begins some days after it, so that they do. Halfway, at the
    latest after 15 seconds, a worker is killed with -9. In the end every payment has its
    prediction, once, and every label is learned, once: exit code 0, else 1. Ctrl-C ends it at
    any moment. Nothing of it stays.
    """
    from app.demo.stopping import Stopped, Stopping

    with Stopping() as stopping:
        try:
            with stopping.at_once():
                from app.demo.run import Options, run_demo
                from app.demo.screen import screen
                from app.demo.summary import as_text
                from app.demo.world import World
            options = Options(World(cards, seconds, pace), workers, bootstrap_servers)
            _hush()
            summary = run_demo(options, screen(), stopping)
        except Stopped:
            click.echo("riverrun demo: stopped before the first payment, nothing was sent")
            return 0
    click.echo(as_text(summary))
    return 0 if summary.is_whole else 1


def _hush() -> None:
    """Clients grumble while a broker starts; what counts is raised."""
    import logging

    from app.kafka.settings import LOGGER

    LOGGER.addHandler(logging.NullHandler())
    LOGGER.propagate = False
