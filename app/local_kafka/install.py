"""Kafka's JARs: fetched once from Maven Central, kept in the user's cache."""

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import LocalKafkaError
from app.local_kafka.lock import is_locked, locked

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA_VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",  # else the broker would not say why it does not start
)
Progress = Callable[[str], None]

_PARALLEL = 6


def kafka_jars(progress: Progress | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with the JARs of Kafka, fetched first where they are not here yet.

    Args:
        progress: Is told, in short lines, how a download goes; default: standard error.
        environ: XDG_CACHE_HOME says where the cache is.

    Raises:
        LocalKafkaError: No network, or no room on the disk.
    """
    jars = cache_home(environ) / f"kafka-{KAFKA_VERSION}"
    if not jars.is_dir():
        tell = progress or to_stderr
        lock = jars.parent / "install.lock"
        if is_locked(lock):
            tell(f"another program is fetching Apache Kafka {KAFKA_VERSION}, waiting for it")
        with locked(lock):
            if not jars.is_dir():
                _install(jars, tell)
    return jars


def cache_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where riverrun keeps what it can fetch again."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "riverrun"


def to_stderr(line: str) -> None:
    """Show a line of progress."""
    print(f"riverrun: {line}", file=sys.stderr, flush=True)


def _install(jars: Path, progress: Progress) -> None:
    """Fetch into a folder aside, then rename: what has the right name is complete."""
    progress(f"fetching Apache Kafka {KAFKA_VERSION} from Maven Central, 45 MB, only this once")
    for left in jars.parent.glob("fetching-*"):  # by a program that was killed
        shutil.rmtree(left, ignore_errors=True)
    with _clear_errors(), tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetching-") as aside:
        complete = Path(aside) / "jars"
        complete.mkdir()
        for jar in _fetch(Path(aside) / "repository", progress):
            _check(jar)
            jar.rename(complete / jar.name)
        complete.rename(jars)
    progress(f"Apache Kafka {KAFKA_VERSION} is in {jars}")


def _fetch(repository: Path, progress: Progress) -> Iterator[Path]:
    artifacts = _resolve(repository)
    size = 0
    pool = ThreadPoolExecutor(_PARALLEL)
    try:
        downloads = [pool.submit(artifact.resolve) for artifact in artifacts]
        for done, download in enumerate(as_completed(downloads), 1):
            jar = download.result()
            size += jar.stat().st_size
            if done % 10 == 0 or done == len(downloads):
                progress(f"  {done} of {len(downloads)} files, {size / 1e6:.0f} MB")
            yield jar
    finally:
        pool.shutdown(cancel_futures=True)


def _resolve(repository: Path) -> "list[Artifact]":
    """All that Kafka needs to run. Takes some seconds: a request for each description."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    context = MavenContext(repo_cache=repository, remote_repos=repositories)
    wanted = [context.create_dependency(coordinate) for coordinate in COORDINATES]
    named, needed = context.resolver.resolve(wanted)
    return [dependency.artifact for dependency in (*named, *needed)]


def _check(jar: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        if broken := archive.testzip():
            raise zipfile.BadZipFile(f"{broken} in {jar.name}")


@contextmanager
def _clear_errors() -> Iterator[None]:
    from requests import RequestException

    what = f"cannot fetch Apache Kafka {KAFKA_VERSION} from Maven Central"
    hint = "or name a running Kafka with --bootstrap-servers or KAFKA_BOOTSTRAP_SERVERS"
    try:
        yield
    except RequestException as error:
        raise LocalKafkaError(
            f"{what}: {_cause(error)}; look to the network or its proxy, {hint}"
        ) from error
    except OSError as error:
        raise LocalKafkaError(f"{what}: {error.strerror or error}") from error
    except (RuntimeError, zipfile.BadZipFile) as error:
        raise LocalKafkaError(f"{what}: {error}; try again, {hint}") from error


def _cause(error: BaseException) -> str:
    """The innermost reason that says something: "Name or service not known"."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error) or type(error).__name__
