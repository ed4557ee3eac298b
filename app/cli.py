"""The command line: `riverrun COMMAND`.

Exit codes: 0 done, 2 a wrong command line or pipeline file, 1 anything else. Whatever goes wrong
is one line on standard error; `--debug` adds the traceback.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from app.commands.bench import bench
from app.commands.check import check, schema
from app.commands.dead_letters import dead_letters
from app.commands.demo import demo
from app.commands.evaluate import evaluate
from app.commands.inspect import inspect
from app.commands.kafka import kafka
from app.commands.model import model
from app.commands.replay import replay
from app.commands.state import state
from app.commands.topics import topics
from app.commands.try_ import try_
from app.commands.worker import worker
from app.terminal import replace_what_cannot_be_shown, visible


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every setting of a pipeline file can also be given as --set KEY=VALUE, or as a "
    "variable such as RIVERRUN_EVENTS__TOPIC. Without --bootstrap-servers or "
    "KAFKA_BOOTSTRAP_SERVERS, riverrun runs a Kafka of its own.",
)
@click.version_option(package_name="riverrun", message="riverrun %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Online learning on Kafka: every event is scored, then learned from, exactly once."""


for command in (
    demo,
    worker,
    try_,
    check,
    schema,
    replay,
    topics,
    inspect,
    state,
    model,
    evaluate,
    dead_letters,
    kafka,
    bench,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    replace_what_cannot_be_shown()
    try:
        with cli.make_context("riverrun", list(args)) as context:
            result = cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as bare:
        bare.show()
        sys.exit(bare.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _leave("stopped", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if "--debug" in args:
            traceback.print_exc()
        _leave(*_explain(error))
    sys.exit(result if isinstance(result, int) else 0)


def _leave(line: str, code: int) -> NoReturn:
    click.echo(f"riverrun: {visible(line, None)}", err=True)
    sys.exit(code)


def _explain(error: Exception) -> tuple[str, int]:
    """The one line and the exit code of an error."""
    from confluent_kafka import KafkaException

    from app.errors import KafkaSettingError, RiverrunError
    from app.pipeline.load import PipelineError

    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        hint = f" (see {path} --help)" if path else ""
        return error.format_message().replace("\n", " ") + hint, error.exit_code
    if isinstance(error, (PipelineError, KafkaSettingError)):
        return str(error), 2
    if isinstance(error, RiverrunError):
        return str(error), 1
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}", 1
    return f"{type(error).__name__}: {error} (riverrun --debug shows where)", 1
