"""Connectors for Kafka Connect from Maven Central: a folder of JARs each, fetched once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.stores.servers import fetched, maven, program

MONGODB = "org.mongodb.kafka", "mongo-kafka-connect", "2.0.1", "all", "jar"
DEBEZIUM = "io.debezium", "debezium-connector-jdbc", "3.6.0.Final", "plugin", "tar.gz"
ICEBERG_VERSION = "1.12.0"
ICEBERG = (
    f"org.apache.iceberg:iceberg-kafka-connect:{ICEBERG_VERSION}",
    f"org.apache.iceberg:iceberg-kafka-connect-events:{ICEBERG_VERSION}",
    f"org.apache.iceberg:iceberg-parquet:{ICEBERG_VERSION}",
    "org.apache.hadoop:hadoop-client-api:3.4.2",
    "org.apache.hadoop:hadoop-client-runtime:3.4.2",
    "org.postgresql:postgresql:42.7.14",
)
MAVEN_SECONDS = 500
_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>riverrun</groupId><artifactId>plugin</artifactId><version>1</version>
<dependencies>{}</dependencies></project>"""
_DEPENDENCY = """<dependency><groupId>{}</groupId><artifactId>{}</artifactId>
<version>{}</version></dependency>"""


def mongodb_connector() -> Path:
    """MongoDB's, with all that it needs in one JAR."""
    return fetched(f"mongo-kafka-connect-{MONGODB[2]}", lambda aside: _fetch_one(aside, *MONGODB))


def debezium_connector() -> Path:
    """Debezium's for JDBC, with drivers of databases."""
    return fetched(f"debezium-jdbc-{DEBEZIUM[2]}", lambda aside: _fetch_one(aside, *DEBEZIUM))


def iceberg_connector() -> Path:
    """Iceberg's, with PostgreSQL's driver for a catalog there.

    Nobody publishes it with what it needs, which takes Maven's own resolver to find.
    """
    return fetched(f"iceberg-kafka-connect-{ICEBERG_VERSION}", _fetch_by_maven)


def _fetch_one(
    aside: Path, group: str, name: str, version: str, classifier: str, packaging: str
) -> None:
    """Fetch an artifact that is complete in itself: a JAR, or an archive of JARs."""
    found = maven(aside).project(group, name).at_version(version).artifact(classifier, packaging)
    if packaging == "jar":
        shutil.copy2(found.resolve(), aside / "jars")
        return
    shutil.unpack_archive(found.resolve(), aside / "unpacked", filter="data")
    for jar in (aside / "unpacked").rglob("*.jar"):
        shutil.move(jar, aside / "jars")


def _fetch_by_maven(aside: Path) -> None:
    needed = "".join(_DEPENDENCY.format(*each.split(":")) for each in ICEBERG)
    (aside / "pom.xml").write_text(_POM.format(needed))
    words = [program("mvn"), "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]
    done = subprocess.run(
        words, cwd=aside, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-300:])
