"""`riverrun check`: what a start would refuse, without Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from tests.app.pipeline_files import LABEL, LABELS, SMALLEST

PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.toml"))
CLASSES = (
    LABEL.replace("passive_aggressive", "passive_aggressive_multiclass")
    + '[[entities]]\nsource = "labels"\nfeatures = ["last(y)"]\n'
)
PICKLED = (
    SMALLEST.replace('"passive_aggressive"', '"my_rows:Rows"')
    + """\
[snapshots]
allow = ["my_rows"]
"""
)


@pytest.fixture(autouse=True)
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for a Kafka finds none, and starts none."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("app.local_kafka.start_background", None)


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["check", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def test_good_files_are_named_with_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = checked(capsys, *map(str, PIPELINES))
    assert (code, err) == (0, "")
    assert out.count(": good: ") == len(PIPELINES)
    assert "fraud.toml: good: fraud, logistic_regression, 2 stages\n" in out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SMALLEST.replace("passive", "pasive"), "did you mean 'passive_aggressive'?"),
        (SMALLEST + LABELS, "needs events.id"),
        (LABEL + '[metrics]\ntopic = "m"\nrule = "no.such:rule"\n', "no.such"),
        (
            CLASSES + '[events.label_values]\nA = "early"\n',
            'events.label_values.A: must be a number: entities[0].features has "last(y)"',
        ),
        (SMALLEST + '[kafka]\n"acks" = "1"\n', "exactly once depends on it"),
    ],
)
def test_what_a_start_refuses_is_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, what: str
) -> None:
    (tmp_path / "p.toml").write_text(text)
    code, out, err = checked(capsys, str(tmp_path / "p.toml"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert what in err


def test_options_and_environment_count_as_for_a_worker(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    phishing = str(PIPELINES[2])
    assert checked(capsys, phishing, "--set", "learner.C=-1")[0] == 2
    monkeypatch.setenv("RIVERRUN_LEARNER__C", "-1")
    assert checked(capsys, phishing)[0] == 2


def test_a_learner_that_needs_a_key_is_refused_without_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_rows.py").write_text(
        "from river.dummy import NoChangeClassifier\n"
        "class Memory: pass\n"
        "class Rows(NoChangeClassifier):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.memory = Memory()\n"
    )
    (tmp_path / "p.toml").write_text(PICKLED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("RIVERRUN_SNAPSHOT_KEY", raising=False)
    code, _, err = checked(capsys, "p.toml")
    assert code == 2
    assert "RIVERRUN_SNAPSHOT_KEY" in err
    monkeypatch.setenv("RIVERRUN_SNAPSHOT_KEY", "secret")
    assert checked(capsys, "p.toml")[0] == 0


COMPILING = """
import sys
from numba.core import event
from app.cli import main
class Heard(event.Listener):
    def on_start(self, said):
        print("compiles", said.data["dispatcher"].py_func.__name__)
    def on_end(self, said):
        pass
event.register("numba:compile", Heard())
main(["check", *sys.argv[1:]])
"""


def test_nothing_is_compiled_to_check_a_file(tmp_path: Path) -> None:
    """It would take a minute where nothing is compiled yet, as in CI."""
    pytest.importorskip("numba")
    done = subprocess.run(
        [sys.executable, "-c", COMPILING, *map(str, PIPELINES)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "compiles" not in done.stdout
    assert done.stdout.count(": good: ") == len(PIPELINES)
