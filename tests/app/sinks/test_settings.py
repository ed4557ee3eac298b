"""The table [sinks.NAME] of a pipeline file, and what is refused."""

from pathlib import Path

import pytest

from app.cli import main
from app.pipeline.topics import pipeline_topics
from app.sinks import opening
from app.sinks.opening import defaults, open_store
from app.sinks.store import SinkError
from tests.app.pipeline_files import SMALLEST, read, refusal

SINK = '[sinks.lake]\ntype = "parquet"\nurl = "/data"\n'


def test_a_sink_has_a_group_and_a_topic_of_rejected_records(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST + SINK)

    assert pipeline.sink_group("lake") == "p.sink.lake"
    names = {topic.name: topic.role for topic in pipeline_topics(pipeline)}
    assert names["p.sink.lake.rejected.v1"] == "rejected"
    assert defaults(pipeline.stored["lake"]) == (100_000, 60.0)


def test_settings_come_from_the_environment_and_the_command_line_too(tmp_path: Path) -> None:
    environ = {"RIVERRUN_SINKS__LAKE__BATCH": "5"}

    pipeline = read(tmp_path, SMALLEST + SINK, environ, sinks__lake__interval="2s")

    assert defaults(pipeline.stored["lake"]) == (5, 2.0)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SINK.replace("parquet", "paper"), 'p.toml:9: sinks.lake.type = "paper": must be'),
        (SINK.replace('url = "/data"\n', ""), "sinks.lake.url is missing"),
        (SINK + 'topic = "alerts"\n', 'sinks.lake.topic = "alerts": needs decisions.topic'),
        (SINK + 'topic = "history"\n', 'sinks.lake.topic = "history": needs a table [history]'),
        (SINK + "batch = 0\n", "sinks.lake.batch = 0: must be"),
        (SINK + "bach = 5\n", "sinks.lake.bach"),
        (SINK.replace("sinks.lake", 'sinks."a/b"'), "sinks.a/b: must be 1 to 100 letters"),
        (SINK.replace("sinks", "sink"), "p.toml:8: sink: is [sinks.NAME] now, beside those of"),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(tmp_path: Path, text: str, what: str) -> None:
    assert what in refusal(tmp_path, SMALLEST + text)


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    text = SINK.replace('"/data"', '"postgresql://ann:geheim@db/x"') + 'topic = "alerts"\n'

    assert "geheim" not in refusal(tmp_path, SMALLEST + text)
    assert "geheim" not in refusal(tmp_path, SMALLEST + text.replace('url = "p', 'url = 5 # "p'))


def test_an_unknown_sink_is_a_wrong_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.toml").write_text(SMALLEST + SINK)

    with pytest.raises(SystemExit) as left:
        main(["sink", str(tmp_path / "p.toml"), "lac"])

    assert left.value.code == 2
    assert "lac: no [sinks.lac]; sinks of the file with a type: lake" in capsys.readouterr().err


def test_a_missing_package_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> None:
        raise ImportError("No module named 'pyarrow'")

    pipeline = read(tmp_path, SMALLEST + SINK)
    monkeypatch.setattr(opening, "import_module", missing)

    with pytest.raises(SinkError, match=r'sinks.lake.type = parquet: .*: pip install "pyarrow'):
        open_store(pipeline, "lake")


@pytest.mark.parametrize("words", [("replay", "--sink", "lake"), ("list", "--sink", "lac")])
def test_dead_letters_of_a_sink_can_be_listed_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (tmp_path / "p.toml").write_text(SMALLEST + SINK)

    with pytest.raises(SystemExit) as left:
        main(["dead-letters", str(tmp_path / "p.toml"), *words])

    assert left.value.code == 2
    refused = "--sink: is for list and reasons, and a sink of the file: lake"
    assert refused in capsys.readouterr().err
