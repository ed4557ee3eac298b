"""`riverrun try`: a pipeline file over a file of events, without Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import IO, TYPE_CHECKING

import click

from app.commands.evaluate import as_line, as_table, say_if_worse
from app.commands.progress_line import progress_line
from app.commands.source_options import SourceOptions, source_of, source_options
from app.evaluation import evaluate as evaluating
from app.options import SET, load
from app.pipeline import topics as pipeline_topics
from app.trial import compare
from app.trial import rejected as trial_rejected
from app.trial import run as trials
from app.trial import topics as trial_topics
from topics import codecs

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.command("try")
@click.argument("files", metavar="FILE.toml [OTHER.toml]", nargs=-1, required=True)
@SET
@source_options
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each pipeline.")
@click.option(
    "--predictions", type=click.File("wb"), help="Write the predictions there, as JSON lines."
)
@click.option(
    "--rejected",
    type=click.File("w"),
    help="Write the rejected rows and the reasons there, as JSON lines.",
)
def try_(
    files: tuple[str, ...],
    settings: tuple[str, ...],
    chosen: SourceOptions,
    as_json: bool,
    predictions: IO[bytes] | None,
    rejected: IO[str] | None,
) -> None:
    """Run a pipeline over a file, a River data set or a simulator, in this process.

    The agents of a worker score and learn all of it, as if each topic had one partition. At the
    end stands the table of riverrun evaluate; with two pipeline files, both and their difference.

    \b
    riverrun try pipelines/phishing.toml --source phishing
    riverrun try FILE.toml --source events.csv --labels labels.csv --time when
    riverrun try FILE.toml OTHER.toml --source events.csv
    """
    if len(files) > 2 or (len(files) == 2 and (predictions or rejected)):
        raise click.UsageError("takes two pipeline files, then without --predictions, --rejected")
    pipelines = [load(file, settings) for file in files]
    found = []
    for pipeline in pipelines:
        trial, evaluated = _tried(pipeline, chosen)
        _write(pipeline, trial, predictions, rejected)
        found.append(evaluated)
    if as_json:
        click.echo("\n".join(as_line(evaluated.evaluation) for evaluated in found))
    elif len(found) == 1:
        click.echo(as_table(found[0].evaluation))
    else:
        click.echo(compare.compared(*found))
    for evaluated in found:
        say_if_worse(evaluated.evaluation)


def _tried(pipeline: Pipeline, chosen: SourceOptions) -> tuple[trials.Trial, evaluating.Evaluated]:
    """What came of one pipeline; says how fast, and what was rejected."""
    events = source_of(pipeline, chosen)
    _remark_on_times(pipeline, chosen, events.simulated)
    show = progress_line(pipeline.name, events.count)
    trial = trials.run(pipeline, events, limit=chosen.limit, key=chosen.key, show=show)
    done = f"{len(trial.records):,} records in {trial.seconds:.1f} s ({trial.rate:,.0f}/s)"
    click.echo(f"riverrun: {pipeline.name}: {done}", err=True)
    rejected = trial_rejected.most_frequent(trial_rejected.rejected_rows(pipeline, trial))
    for line in (*trial.checked.remarks_on_rows(), *rejected, *_remarks_on_models(pipeline, trial)):
        click.echo(f"riverrun: {line}", err=True)
    evaluation, verdicts = evaluating.evaluate_topics(
        pipeline, trial_topics.TrialTopics(pipeline, trial)
    )
    return trial, evaluating.Evaluated(replace(evaluation, learned=trial.model.learned), verdicts)


def _remarks_on_models(pipeline: Pipeline, trial: trials.Trial) -> Iterator[str]:
    """Why nothing was learned; and how many models Kafka would have, where this is one."""
    partitions, labels = pipeline.topics.partitions, pipeline.labels
    if labels is not None and not any(r.topic_ == labels.topic for r in trial.records):
        yield "the pipeline learns from [labels], and there are none: see --labels"
    elif partitions > 1 and pipeline.learner.shared is None and trial.model.learned:
        yield (
            f"{pipeline.name}: this is one model. On Kafka each of the {partitions} partitions"
            f" (topics.partitions) has its own, which learns from about 1/{partitions} of the"
            " labels; learner.shared makes one of them (docs/shared.md)"
        )


def _remark_on_times(pipeline: Pipeline, chosen: SourceOptions, simulated: bool) -> None:
    times = pipeline.labels or pipeline.entities or pipeline.metrics or pipeline.decisions.budget
    if times and not simulated and chosen.time is None:
        click.echo(
            "riverrun: without --time each row is a millisecond after the one before it, from"
            " 2000-01-01 on: windows, budgets and delays of labels mean little",
            err=True,
        )


def _write(
    pipeline: Pipeline,
    trial: trials.Trial,
    predictions: IO[bytes] | None,
    rejected: IO[str] | None,
) -> None:
    if predictions is not None:
        to_json, codec = codecs.Codec("json"), pipeline_topics.codec_of(pipeline, "predictions")
        for record in trial_topics.TrialTopics(pipeline, trial).predictions():
            value = record.value() or b""
            line = value if codec.name == "json" else to_json.encode(codec.decode(value))
            predictions.write(line + b"\n")
    if rejected is not None:
        for row in trial_rejected.rejected_rows(pipeline, trial):
            rejected.write(json.dumps(asdict(row)) + "\n")
