"""The command line: `riverrun COMMAND`.

Exit codes: 0 done, 2 a wrong command line or pipeline file, 1 anything else. Whatever goes wrong
is one line on standard error; `--debug` adds the traceback.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import shell_complete

from app.lazy_imports import lazily
from app.terminal import replace_what_cannot_be_shown, visible


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed.

    After click's documentation, "Lazily Loading Subcommands". What a command imports to do its
    work waits until it does it, see `lazily`: so its own help is quick too. The help of the group
    shows one line of each, so that line stands here too.

    Args:
        lazily: "module:name" within `app.commands` and the line, by the name of the command.
    """

    def __init__(self, *args: Any, lazily: Mapping[str, tuple[str, str]], **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self._lazily = lazily

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted({*self._lazily, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._lazily:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._lazily[cmd_name][0].partition(":")
        with lazily():
            command = getattr(importlib.import_module(f"app.commands.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lines, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazily[name][1]) for name in sorted(self._lazily)])


COMMANDS = {
    "demo": ("demo:demo", "See it all run, with a crash in the middle."),
    "worker": ("worker:worker", "Run one worker of a pipeline."),
    "try": ("try_:try_", "Run a pipeline over a file, without Kafka."),
    "check": ("check:check", "Check pipeline files without Kafka."),
    "schema": (
        "check:schema",
        "Print the JSON Schema of pipeline files, for editors.",
    ),
    "replay": ("replay:replay", "Send a file or a data set as events."),
    "train": ("train:train", "Learn a history of files, then the stream."),
    "topics": ("topics:topics", "Create or check the topics of a pipeline."),
    "inspect": ("inspect:inspect", "Show offsets, lag and learner per partition."),
    "sink": ("sink:sink", "Write an output to a store: a database, lake or warehouse."),
    "state": ("state:state", "Check the state of a pipeline, or bring it back."),
    "model": ("model:model", "Export, import, archive or restore models."),
    "sinks": ("sinks:sinks", "List the sinks, and bring connectors to Kafka Connect."),
    "history": ("history:history", "Export scored events with their labels."),
    "evaluate": ("evaluate:evaluate", "Measure the predictions on Kafka."),
    "dead-letters": (
        "dead_letters:dead_letters",
        "List or resend the events set aside.",
    ),
    "kafka": ("kafka:kafka", "Start, stop or find the local Kafka."),
    "bench": ("bench:bench", "Run the benchmarks."),
}


COMPLETE = "_RIVERRUN_COMPLETE"
"""The variable by which a shell asks for completions."""


@click.group(
    cls=LazyGroup,
    lazily=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every setting of a pipeline file can also be given as --set KEY=VALUE, or as a "
    "variable such as RIVERRUN_EVENTS__TOPIC. Without --bootstrap-servers or "
    "KAFKA_BOOTSTRAP_SERVERS, riverrun runs a Kafka of its own.",
)
@click.version_option(package_name="riverrun", message="riverrun %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Online learning on Kafka: every event is scored, then learned from, exactly once."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if (asked := os.environ.get(COMPLETE)) is not None:
        sys.exit(shell_complete(cli, {}, "riverrun", COMPLETE, asked))
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
    # Here, so that --help and --version need no client of Kafka.
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
