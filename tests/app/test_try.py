"""`riverrun try` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import main
from tests.app.trial.streams import TEXT, write

FILES = ("--source", "orders.csv", "--labels", "returns.csv", "--time", "when")


@pytest.fixture(autouse=True)
def no_kafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever looks for a Kafka finds none, and starts none."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("app.local_kafka.start_background", None)
    monkeypatch.chdir(tmp_path)


def tried(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["try", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def test_the_table_of_evaluate_stands_at_the_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write(tmp_path, orders=300)
    code, out, err = tried(capsys, "shop.toml", *FILES)
    assert code == 0
    assert out.splitlines()[0].split() == ["pipeline", "shop"]
    assert "\nROC AUC  " in out
    assert ["missing", "0"] in map(str.split, out.splitlines())
    assert "riverrun: shop: 500 records in " in err
    assert "1 row rejected (validate), the first orders.csv:15: Expected a number" in err


def test_predictions_and_rejected_rows_go_to_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write(tmp_path, orders=100)
    code, out, _ = tried(
        capsys, "shop.toml", *FILES, "--json", "--predictions", "p.jsonl", "--rejected", "r.jsonl"
    )
    assert code == 0
    predictions = [json.loads(text) for text in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [p["id"] for p in predictions] == [n for n in range(100) if n != 13]
    rejected = [json.loads(text) for text in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert "orders.csv:15" in [row["where"] for row in rejected]
    assert json.loads(out)["predictions"] == 99


def test_two_files_are_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write(tmp_path, orders=600)
    other = TEXT.replace('name = "shop"', 'name = "other"').replace("scale = true", "l2 = 0.1")
    (tmp_path / "other.toml").write_text(other)
    code, out, _ = tried(capsys, "shop.toml", "other.toml", *FILES)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["shop", "roc_auc"]
    assert out.splitlines()[2].split() == ["shop", "other", "difference", "from", "to"]


def test_labels_may_have_another_name_for_their_times(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write(tmp_path, orders=200)
    _, same, _ = tried(capsys, "shop.toml", *FILES, "--json")
    returns = tmp_path / "returns.csv"
    returns.write_text(returns.read_text().replace("order,when", "order,told"))
    code, out, _ = tried(capsys, "shop.toml", *FILES, "--labels-time", "told", "--json")
    assert (code, out) == (0, same)
    code, _, err = tried(capsys, "shop.toml", *FILES)
    assert (code, 'has no field "when"; it has order, told' in err) == (1, True)
    assert "--labels-time FIELD names that of the time" in " ".join(err.split())
    code, _, err = tried(capsys, "shop.toml", *FILES[:2], "--time", "when", "--labels-time", "told")
    assert (code, "--labels-time is for the rows of --labels" in err) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["shop.toml"],
        ["a.toml", "b.toml", "c.toml", *FILES],
        ["a.toml", "b.toml", *FILES, "--rejected", "r.jsonl"],
        ["no.toml", *FILES],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, out, err = tried(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_rows_without_times_are_remarked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write(tmp_path, orders=100)
    _, _, err = tried(capsys, "shop.toml", "--source", "orders.csv")
    assert "without --time each row is a millisecond after" in err
    assert "the pipeline learns from [labels], and there are none: see --labels" in err
    assert "this is one model" not in err


SURVEY = """\
name = "survey"
[events]
topic = "s"
label = "returned"
features = ["x"]
[predictions]
topic = "p"
[learner]
type = "logistic_regression"
"""


def test_labels_in_other_words_are_what_the_file_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = SURVEY + "[events.label_values]\nyes = true\nno = false\n"
    (tmp_path / "words.toml").write_text(words)
    (tmp_path / "bools.toml").write_text(SURVEY)
    said = [(n / 100, n % 3 == 0) for n in range(300)]
    rows = [f"{x},{'yes' if label else 'no'}" for x, label in said]
    (tmp_path / "words.csv").write_text("x,returned\n" + "\n".join(rows))
    rows = [f"{x},{str(label).lower()}" for x, label in said]
    (tmp_path / "bools.csv").write_text("x,returned\n" + "\n".join(rows))
    _, words, _ = tried(capsys, "words.toml", "--source", "words.csv")
    _, bools, err = tried(capsys, "bools.toml", "--source", "bools.csv")
    assert words == bools
    assert "survey: this is one model. On Kafka each of the 4 partitions" in err
    one = ("--set", "topics.partitions=1")
    assert "one model" not in tried(capsys, "bools.toml", "--source", "bools.csv", *one)[2]
    assert ["labelled", "300"] in map(str.split, words.splitlines())


def test_several_classes_for_two_are_named_as_such(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "survey.toml").write_text(SURVEY)
    (tmp_path / "kinds.csv").write_text("x,returned\n1,a\n2,b\n3,c\n")
    _, _, err = tried(capsys, "survey.toml", "--source", "kinds.csv")
    assert "3 rows rejected (validate), the first kinds.csv:2: returned: label 'a'" in err
    assert "take a learner of several classes" in err
