"""The command line says in one line what is wrong, and leaves with the right exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.local_kafka.home import Status

PHISHING = str(Path(__file__).parents[2] / "pipelines" / "phishing.toml")
COMMANDS = (
    "bench",
    "dead-letters",
    "demo",
    "evaluate",
    "inspect",
    "kafka",
    "replay",
    "topics",
    "try",
    "worker",
)
HEAVY = ("confluent_kafka", "faust", "msgspec", "numba", "numpy", "pydantic", "rich", "river")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    assert all(f"\n  {command}  " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, err = run(capsys, command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: riverrun {command}")


@pytest.mark.parametrize("bare", [[], ["kafka"]])
def test_without_a_command_the_help_is_shown(
    capsys: pytest.CaptureFixture[str], bare: list[str]
) -> None:
    code, _, err = run(capsys, *bare)
    assert code == 2
    assert err.startswith("Usage: riverrun")
    assert "\nCommands:\n" in err


SHOW_ALL = """
import contextlib, sys
from app.cli import COMMANDS, main
for command in (None, *COMMANDS):
    with contextlib.suppress(SystemExit):
        main([command, "--help"] if command else ["--help"])
    loaded = [name for name in HEAVY if name in sys.modules]
    assert not loaded, f"the help of {command} loads {loaded}"
"""


def test_the_help_of_no_command_loads_anything_heavy() -> None:
    program = SHOW_ALL.replace("HEAVY", repr(HEAVY))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "found"),
    [("riverrun wo", "worker"), ("riverrun kafka st", "start"), ("riverrun try --so", "--source")],
)
def test_a_shell_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, found: str
) -> None:
    monkeypatch.setenv("_RIVERRUN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert f"plain,{found}" in out.splitlines()
    monkeypatch.setenv("_RIVERRUN_COMPLETE", "zsh_source")
    assert "#compdef riverrun" in run(capsys)[1]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--version")
    assert code == 0
    assert out.startswith("riverrun 0.")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["replai"], "No such command 'replai'."),
        (["replay", PHISHING], "Missing option '--source'. (see riverrun replay --help)"),
        (["topics"], "Missing argument 'FILE.toml'. (see riverrun topics --help)"),
        (
            ["replay", PHISHING, "--source", "x.csv", "--speed", "0"],
            "Invalid value for '--speed': 0.0 is not in the range x>0.",
        ),
        (
            ["replay", PHISHING, "--source", "live", "--pace", "8640"],
            'Invalid value for \'--pace\': "8640": must be event time / time, such as "1d/10s"',
        ),
        (
            ["replay", PHISHING, "--source", "live", "--pace", "1d/10s", "--speed", "5"],
            "--speed and --pace exclude each other",
        ),
        (
            ["replay", PHISHING, "--source", "live", "--since", "soon"],
            "Invalid value for '--since': \"soon\": must be seconds since 1970, or a date",
        ),
        (
            ["replay", PHISHING, "--source", "live", "--label-delay", "7"],
            "Invalid value for '--label-delay': \"7\": must be a length of time with its unit",
        ),
        (
            ["replay", PHISHING, "--source", "live", "--inject", "testing"],
            "Invalid value for '--inject': \"testing\": must be PATTERN@DAY",
        ),
        (
            ["replay", PHISHING, "--source", "a.csv", "--time", "t", "--labels", "b.csv"],
            "--labels needs a pipeline with [labels], and --time",
        ),
        (
            ["replay", PHISHING, "--source", "live", "--time", "t"],
            "--time is for the rows of a file",
        ),
        (["topics", PHISHING, "--set", "events.topic"], "must be KEY=VALUE"),
        (["topics", "no.toml"], "no.toml: cannot be read: No such file or directory"),
        (
            ["topics", PHISHING, "--set", "events.topik=x"],
            '--set events.topik: events.topik: unknown key, did you mean "topic"?',
        ),
        (["dead-letters", PHISHING, "drop"], "'drop' is not one of 'list', 'reasons', 'replay'."),
    ],
)
def test_a_wrong_command_line_or_file_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("riverrun: ")
    assert line in err
    assert err.count("\n") == 1


def test_anything_else_is_one_line_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "replay", PHISHING, "--source", "no.csv")
    assert (code, out, err) == (1, "", "riverrun: no.csv: no such file\n")


@pytest.mark.parametrize(
    "command",
    [["topics"], ["inspect"], ["evaluate"], ["dead-letters"], ["replay", "--source", "phishing"]],
    ids=lambda command: command[0],
)
def test_a_kafka_that_is_not_there_is_told_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for module in ("kafka.reading", "kafka.admin"):
        monkeypatch.setattr(f"app.{module}.TIMEOUT", 1.0)
    monkeypatch.setattr("app.kafka.admin.ensure_topics.__defaults__", (1.0,))
    name, *options = command
    action = ["list"] if name == "dead-letters" else []
    nowhere = ["--bootstrap-servers", "127.0.0.1:1"]
    code, out, err = run(capsys, name, PHISHING, *action, *options, *nowhere)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("riverrun: no Kafka at 127.0.0.1:1 within 1 s: ")


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--debug", "replay", PHISHING, "--source", "no.csv")
    assert code == 1
    assert err.startswith("Traceback")
    assert err.endswith("riverrun: no.csv: no such file\n")


def test_a_program_error_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("app.replay.sources.open_source", fail)
    code, _, err = run(capsys, "replay", PHISHING, "--source", "phishing")
    assert (code, err) == (1, "riverrun: KeyError: 'x' (riverrun --debug shows where)\n")


def test_being_interrupted_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.replay.sources.open_source", interrupt)
    code, _, err = run(capsys, "replay", PHISHING, "--source", "phishing")
    assert (code, err) == (1, "riverrun: stopped\n")


def test_a_learner_beside_the_file_is_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = Path(PHISHING).read_text().replace('"passive_aggressive"', '"mine:Mine"')
    Path("p.toml").write_text(text)
    refused = run(capsys, "replay", "p.toml", "--source", "no.csv")[2]
    assert "No module named 'mine'" in refused
    Path("mine.py").write_text(
        "from river.linear_model import LogisticRegression\n"
        "class Mine(LogisticRegression):\n"
        "    def __init__(self, C=1):\n"
        "        super().__init__()\n"
        "        self.C = C\n"
    )
    Path("p.toml").write_text(f'{text}\n[snapshots]\nallow = ["mine"]\n')
    assert run(capsys, "replay", "p.toml", "--source", "no.csv")[2].endswith("no such file\n")


def test_the_status_of_the_local_kafka_is_its_address_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RIVERRUN_KAFKA_HOME", str(tmp_path))
    assert run(capsys, "kafka", "status") == (1, "", "not running\n")
    found = Status(4242, "127.0.0.1:9092", tmp_path)
    monkeypatch.setattr("app.local_kafka.status", lambda: found)
    assert run(capsys, "kafka", "status") == (0, "127.0.0.1:9092\n", "process 4242\n")
