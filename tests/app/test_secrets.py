"""What could be a secret is shown nowhere: each way to be refused is driven with a canary."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.cli import main
from app.errors import KafkaSettingError
from app.kafka.settings import KafkaSettings
from app.secrecy import is_secret, without_login
from tests.app.pipeline_files import SMALLEST

CANARY = "CANARY-9x"
NAMES = (
    "sasl.password",
    "sasl.pasword",
    "sasl.passwrd",
    "sasl.jaas.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "some.thing",
)
OPTIONS = (
    *(f"kafka.{name}" for name in NAMES),
    "foo.bar",
    "worker.pass",
    "worker.nme",
    "learner.pasword",
    "learner.drift.pasword",
    "snapshots.key",
    "snapshot.key",
    "kafka",
    "worker",
    "learner",
)
VARIABLES = (
    "RIVERRUN_KAFKA__SASL_PASWORD",
    "RIVERRUN_KAFKA__SASL_JAAS_CONFIG",
    "RIVERRUN_FOO__BAR",
    "RIVERRUN_FOO",
    "RIVERRUN_WORKER__PASS",
    "RIVERRUN_SNAPSHOT__KEY",
    "RIVERRUN_SNAPSHOTS__KEY",
    "RIVERRUN_SNAPSHOTKEY",
    "RIVERRUN_SNAPSHOT_KEYS",
    "RIVERRUN_LEARNER__PASWORD",
    "RIVERRUN_KAFKA",
)
LOGIN = f"ann:{CANARY}@127.0.0.1:9"
FILES = {
    "an unknown key": f'[kafka]\nsasl.pasword = "{CANARY}"',
    "a list": f'[kafka]\nsasl.pasword = ["{CANARY}"]',
    "a list of a known key": f'[kafka]\nsasl.password = ["{CANARY}"]',
    "a table": f'[kafka.sasl.pasword]\nx = "{CANARY}"',
    "an unknown table": f'[secrets]\nkafka = "{CANARY}"',
    "a parameter of a step": f'[[learner.steps]]\ntype = "standard_scaler"\ntoken = "{CANARY}"',
    "a parameter of a detector": f'[learner.drift]\ndetector = "adwin"\ntoken = "{CANARY}"',
    "no valid TOML": f"[kafka]\nsasl.password = {CANARY}",
    "a login in the address": f'[kafka]\nbootstrap.servers = "{LOGIN}"',
}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code of a command that fails, and all that it says, with the traceback."""
    with pytest.raises(SystemExit) as left:
        main(["--debug", *arguments])
    out, err = capfd.readouterr()
    return int(left.value.code or 0), out + err


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "p.toml"
    path.write_text(SMALLEST)
    return str(path)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not refused ends where it would ask the cluster: within a second, not in 15."""
    monkeypatch.setattr("app.kafka.admin.TIMEOUT", 0.5)
    monkeypatch.setattr("app.kafka.admin.ensure_topics.__defaults__", (0.5,))


TO = ("--bootstrap-servers", "127.0.0.1:9")


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_refused_without_its_value(
    capfd: pytest.CaptureFixture[str], file: str, name: str
) -> None:
    code, said = refused(capfd, "topics", file, *TO, "--set", f"{name}={CANARY}")
    assert CANARY not in said
    assert code in (1, 2)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_refused_without_its_value(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str, name: str
) -> None:
    monkeypatch.setenv(name, CANARY)
    code, said = refused(capfd, "topics", file, *TO)
    assert CANARY not in said
    assert code in (1, 2)


@pytest.mark.parametrize("name", ["RIVERRUN_SNAPSHOTKEY", "RIVERRUN_SNAPSHOT_KEYS"])
def test_a_mistyped_key_of_snapshots_is_refused(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str, name: str
) -> None:
    monkeypatch.setenv(name, CANARY)
    code, said = refused(capfd, "topics", file, *TO)
    assert (code, f'{name}: unknown variable, did you mean "RIVERRUN_SNAPSHOT_KEY"?' in said) == (
        2,
        True,
    )


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_refused_without_the_value(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(SMALLEST + FILES[what])
    code, said = refused(capfd, "topics", str(path))
    assert CANARY not in said
    assert code == 2, said


@pytest.mark.parametrize(
    "address",
    [LOGIN, f"{CANARY}@127.0.0.1:9", f"ann:{CANARY},x/y@h:1,h:2", f"SASL_SSL://ann:{CANARY}@h:1"],
)
@pytest.mark.parametrize("form", ["--bootstrap-servers", "--set", "KAFKA_BOOTSTRAP_SERVERS"])
def test_an_address_is_refused_without_its_login(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    address: str,
    form: str,
) -> None:
    arguments = [form, address]
    if form == "--set":
        arguments = [form, f"kafka.bootstrap.servers={address}"]
    elif form == "KAFKA_BOOTSTRAP_SERVERS":
        monkeypatch.setenv(form, address)
        arguments = []
    code, said = refused(capfd, "topics", file, *arguments)
    assert CANARY not in said
    assert code == 2
    assert "must be HOST:PORT" in said


@pytest.mark.parametrize("setting", [CANARY, f"={CANARY}", f"sasl.password:{CANARY}"])
def test_an_option_without_a_key_is_refused_without_its_text(
    capfd: pytest.CaptureFixture[str], file: str, setting: str
) -> None:
    code, said = refused(capfd, "topics", file, "--set", setting)
    assert CANARY not in said
    assert code == 2


@pytest.mark.parametrize("name", NAMES)
def test_settings_of_kafka_are_refused_and_shown_without_secrets(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        try:
            shown = repr(KafkaSettings("127.0.0.1:9", {name: CANARY}))
        except KafkaSettingError as error:
            shown = str(error)
    assert CANARY not in shown
    assert CANARY not in caplog.text


def test_a_wrong_value_of_a_known_setting_is_still_shown(
    capfd: pytest.CaptureFixture[str], file: str
) -> None:
    for setting in ("worker.max_batch=-3", "learner.C=-3", "kafka.socket.timeout.ms=-3"):
        _, said = refused(capfd, "topics", file, *TO, "--set", setting)
        key, _, value = setting.partition("=")
        assert f"{key} = {value}" in said.replace('"', "")


@pytest.mark.parametrize(
    "name", ["ssl.ca.location", "ssl.key.location", "client.id", "worker.name"]
)
def test_names_that_are_no_secret(name: str) -> None:
    assert not is_secret(name)


def test_an_address_without_a_login_stays_as_it_is() -> None:
    assert without_login("kafka-1:9092,kafka-2:9092") == "kafka-1:9092,kafka-2:9092"
