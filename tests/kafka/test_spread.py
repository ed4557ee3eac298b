"""Several learners on a real broker: workers are killed, and each share is that of the log."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from agents.labels.waiting import join
from agents.shared.rows import RowBlock
from app.cli import cli
from app.inspection import inspect
from app.kafka.reading import reading
from app.model_import import import_model
from app.pipeline.models import new_model
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.saved import snapshots
from learners.spread.joining import divided, joined, plain
from tests.kafka.late import late, said, send_all, wait_for_all
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import read_committed
from tests.kafka.test_shared_learner import EVENTS, NAMES, PARTITIONS, history

LEARNERS = 3
BAG = """\
members = 7
learner = { type = "logistic_regression" }
scale = true
shared = "learner"
"""


def begun(stream: Stream) -> Model:
    """A model of elsewhere, which the learners divide among them."""
    model = plain(new_model(stream.pipeline))
    model.run(Rows.from_dicts([{"a": 1.0, "b": 0.5}, {"a": -1.0, "b": 0.5}]), [True, False])
    import_model(stream.pipeline, stream.kafka, snapshots.dump(model, {}))
    return model


def learned_offline(stream: Stream, model: Model) -> Model:
    """The plain loop: one row after another, in the order of the log of rows."""
    for record in read_committed(stream.bootstrap, stream.pipeline.rows_topic):
        block = RowBlock.decode(record.value() or b"")
        for row, label in zip(block.rows, block.labels, strict=True):
            model.run(join([row], NAMES), [label])
    return model


def versions(stream: Stream) -> dict[tuple[int, int], Model]:
    """All versions that are on Kafka, by the learner and by the rows that it has learned."""
    found = {}
    for record in read_committed(stream.bootstrap, stream.pipeline.versions_topic):
        if (record.key() or b"").endswith(b"model"):
            n = record.partition() or 0
            made = snapshots.load((record.value() or b"")[1:], new_model(stream.pipeline, n))[0]
            found[n, made.learned] = made
    return found


def test_workers_are_killed_and_each_share_is_that_of_the_log_of_rows(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    more = f"{BAG}learners = {LEARNERS}"
    features = 'features = ["a", "b"]'
    stream = late(
        kafka, tmp_path, topic_name, "bagging", more, partitions=PARTITIONS, events=features
    )
    first = begun(stream)
    xs, events, labels = history(by_id=False)
    with workers(stream, "one", "two", **{"worker.session_timeout": "6s"}) as (one, two):
        wait_until(lambda: all("partitions [" in worker.log for worker in (one, two)))
        send_all(stream, events[:2_000], labels[:1_200], seed=1)
        for victim in (one, two):  # each of the two has a learner at least
            victim.kill()
            victim.start()
        wait_for_all(stream)  # what comes now is scored by what was learned of it
        send_all(stream, events[2_000:], labels[1_200:], seed=2)
        wait_for_all(stream)
        for worker in (one, two):
            worker.stop()
    predictions = said(stream)
    assert len(predictions) == EVENTS
    spec = stream.pipeline.learner.spec
    shares = [learned_offline(stream, share) for share in divided(spec, first)]
    with reading(stream.pipeline, stream.kafka) as reader:
        reports = [r for r in inspect(stream.pipeline, reader) if r.versions is not None]
    assert [r.fingerprint for r in reports] == [share.fingerprint() for share in shares]
    assert {r.learned for r in reports} == {EVENTS + 2}
    assert all(r.written is not None and r.model_bytes > 0 for r in reports)
    whole = learned_offline(stream, first)
    assert joined(spec, shares).fingerprint() == whole.fingerprint()
    _require_recomputed(stream, xs, list(predictions.values())[::7])
    _require_exported(stream, tmp_path, whole)


def _require_recomputed(stream: Stream, xs: dict[int, dict[str, float]], some: list) -> None:  # type: ignore[type-arg]
    """Scores are those of the versions that their predictions name."""
    made, spec = versions(stream), stream.pipeline.learner.spec
    named = {tuple(each["model"]["shares"]) for each in some}
    assert len(named) > 1
    models = {each: joined(spec, [made[pair] for pair in enumerate(each)]) for each in named}
    for each in some:
        model = models[tuple(each["model"]["shares"])]
        assert each["model"]["version"] == model.learned
        row = Rows.from_dicts([xs[each["id"]]])
        assert model.run(row, [UNLABELLED]).scores == [each["score"]]


def _require_exported(stream: Stream, folder: Path, whole: Model) -> None:
    """What the commands say of all learners, and the one model that they write."""
    file, at = folder / "all.riverrun", ["--bootstrap-servers", stream.bootstrap]
    run = CliRunner().invoke
    shown = run(cli, ["inspect", str(stream.file), *at])
    assert shown.exit_code == 0, shown.output
    for n in range(LEARNERS):
        assert f"learner {n} of {LEARNERS}: version {EVENTS + 2:,}, " in shown.output
    done = run(cli, ["model", "export", str(stream.file), "-o", str(file), *at])
    assert done.exit_code == 0, done.output
    assert "all learners together, 3,002 events learned" in done.output
    alone = late(
        stream.bootstrap, folder, f"{stream.pipeline.name}-one", "bagging", BAG,
        partitions=PARTITIONS,
    )  # fmt: skip
    (put,) = import_model(alone.pipeline, alone.kafka, file.read_bytes())
    assert put.learned == EVENTS + 2
    with reading(alone.pipeline, alone.kafka) as reader:
        *_, report = inspect(alone.pipeline, reader)
    assert report.fingerprint == whole.fingerprint()
