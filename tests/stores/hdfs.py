"""HDFS: Hadoop's NameNode and a DataNode, in one process on Java."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stores.servers import Server, jars, java, ports, responds

JARS = (
    "org.apache.hadoop:hadoop-client-minicluster:3.4.2",
    "org.apache.hadoop:hadoop-client-runtime:3.4.2",
    "org.apache.hadoop:hadoop-client-api:3.4.2",
    "javax.xml.bind:jaxb-api:2.3.1",
    "org.slf4j:slf4j-simple:1.7.36",
)


@contextmanager
def hdfs(folder: Path) -> Iterator[tuple[Server, str]]:
    """A running one, and its URL; skipped where it cannot be fetched."""
    pytest.importorskip("hdfs_native", reason='hdfs-native (the extra "files")')
    found, (rpc, http) = jars("hdfs", *JARS), ports(2)
    words = [
        *(java(), "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        *("--add-opens", "java.base/java.lang=ALL-UNNAMED"),
        *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", f"-Dtest.build.data={folder}/data"),
        *("-cp", f"{found}/*", "org.apache.hadoop.test.MiniDFSClusterManager"),
        *("-datanodes", "1", "-nnport", str(rpc), "-httpport", str(http)),
        "-Ddfs.replication=1",
    ]
    ready = f"http://127.0.0.1:{http}/webhdfs/v1/?op=LISTSTATUS&user.name=root"
    server = Server([*words, "-format"], lambda: responds(ready), folder)
    server.start()
    server.words = words  # a second start keeps what is there
    try:
        yield server, f"hdfs://127.0.0.1:{rpc}"
    finally:
        server.stop()
