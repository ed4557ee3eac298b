"""Where the tests find a Kafka: a named cluster, else Docker, else the local one."""

import functools
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.local_kafka import KAFKA_VERSION, LocalKafka
from app.local_kafka.broker import SETTINGS, free_ports, wait_until_ready
from tests.kafka.proxy import Proxy, proxied_settings


@contextmanager
def cluster() -> Iterator[str]:
    """The bootstrap address of a cluster, for as long as the block lasts."""
    if named := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield named
    elif no_docker() is None:
        with docker_kafka() as address:
            yield address
    else:
        with LocalKafka() as local:
            yield local.bootstrap


@functools.cache
def no_docker() -> str | None:
    """Why there is no Docker engine to use, None where there is one."""
    import docker

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker leaves the socket that failed
        try:
            with closing(docker.from_env(timeout=5)) as client:
                client.ping()
        except docker.errors.DockerException as error:
            return f"no Docker engine: {str(error).splitlines()[0][:120]}"
        finally:
            gc.collect()
    return None


@contextmanager
def docker_kafka() -> Iterator[str]:
    """Apache Kafka in a container, with the settings of the local Kafka."""
    from testcontainers.core.container import DockerContainer

    port, _ = free_ports(None)
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(9092, port)
    settings = SETTINGS | {
        "listeners": "BROKER://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093",
        "advertised.listeners": f"BROKER://{container.get_container_host_ip()}:{port}",
        "controller.quorum.voters": "1@127.0.0.1:9093",
    }
    for key, value in settings.items():
        container = container.with_env(f"KAFKA_{key.upper().replace('.', '_')}", value)
    with container:
        address = f"{container.get_container_host_ip()}:{port}"

        def runs() -> bool:
            container.reload()
            return container.status != "exited"

        if not wait_until_ready(address, runs):
            out, err = container.get_logs()
            raise RuntimeError((out + err).decode(errors="replace")[-2000:])
        yield address


@contextmanager
def proxied_kafka(folder: Path, **settings: str) -> Iterator[tuple[LocalKafka, Proxy]]:
    """A local Kafka in `folder`, and a proxy before it; `settings` with `_` for the dots.

    The broker's own address leads past the proxy. It may be stopped and started again.
    """
    (port, controller), (behind, before) = free_ports(None), free_ports(None)
    config = proxied_settings(port, controller, behind, before)
    config |= {key.replace("_", "."): value for key, value in settings.items()}
    with (
        LocalKafka(folder / "kafka", port, config=config) as broker,
        Proxy(before, behind).running() as proxy,
    ):
        yield broker, proxy
