"""Kafka Connect, distributed, with connectors from Maven Central."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.local_kafka.install import KAFKA_VERSION
from tests.stores.servers import Server, jars, java, ports

KAFKA = "org.apache.kafka"
CONNECT = (
    f"{KAFKA}:connect-runtime:{KAFKA_VERSION}",
    f"{KAFKA}:connect-json:{KAFKA_VERSION}",
    f"{KAFKA}:connect-transforms:{KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",
)
_SERVICE = "META-INF/services/org.apache.kafka.connect.sink.SinkConnector"


@contextmanager
def connect(
    folder: Path, bootstrap: str, name: str, plugins: Mapping[str, Path]
) -> Iterator[tuple[Server, str]]:
    """A running Connect, and the URL of its REST interface.

    Args:
        folder: Where it runs.
        bootstrap: Of its Kafka.
        name: Of its group, and of its own topics.
        plugins: Folders of JARs by the class of their connector.
    """
    runtime = jars(f"connect-{KAFKA_VERSION}", *CONNECT)
    (port,) = ports(1)
    for number, (kind, found) in enumerate(plugins.items()):
        _plugin(folder / "plugins" / str(number), found, kind)
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": name,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "plugin.path": folder / "plugins",
        "plugin.discovery": "service_load",  # else it reads every class of every JAR
        "listeners": f"http://127.0.0.1:{port}",
        "offset.flush.interval.ms": 1000,
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 1000,
        "config.providers": "env",
        "config.providers.env.class": f"{KAFKA}.common.config.provider.EnvVarConfigProvider",
    }
    for topic in ("config", "offset", "status"):
        settings |= {
            f"{topic}.storage.topic": f"{name}.{topic}",
            f"{topic}.storage.replication.factor": 1,
        }
    file = folder / "worker.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    program = ["-cp", f"{runtime}/*", f"{KAFKA}.connect.cli.ConnectDistributed", str(file)]
    url = f"http://127.0.0.1:{port}"
    server = Server([java(), *options, *program], lambda: _is_ready(url), folder)
    server.start()
    try:
        yield server, url
    finally:
        server.stop()


def _is_ready(url: str) -> bool:
    """Whether its interface is all there: while it starts it says that nothing is found."""
    try:
        with urllib.request.urlopen(f"{url}/connectors", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return False


def _plugin(folder: Path, found: Path, kind: str) -> None:
    """A plugin as Connect finds it: a JAR that names its connector in a service file."""
    shutil.copytree(found, folder)
    with zipfile.ZipFile(folder / "service.jar", "w") as jar:
        jar.writestr(_SERVICE, f"{kind}\n")
