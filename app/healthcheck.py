"""Asks the worker of a container for its health: `python -m app.healthcheck`.

It needs nothing but Python's own library, since it runs every few seconds. Exits with 0 where
the worker is ready, and where the container does not run a worker: every other command is well
while it runs.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 3.0
ANY = {"0.0.0.0", "::", ""}


def main() -> int:
    """The exit code: 0 is healthy."""
    command = Path(sys.argv[1] if len(sys.argv) > 1 else "/proc/1/cmdline").read_bytes()
    words = command.decode(errors="replace").split("\0")
    if "worker" not in words:
        return 0
    host, port = place(words, os.environ)
    # Docker puts `http_proxy` into containers by itself: this is not for a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{port}/health", timeout=SECONDS):
            return 0
    except urllib.error.HTTPError as refused:
        print(f"http://{host}:{port}/health: {refused.code}")
        refused.close()
    except OSError as error:
        print(f"http://{host}:{port}/health: {error}")
    return 1


def place(words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str]:
    """Where the worker answers: as its command line says, else as its environment does."""
    given = {name.upper(): value for name, value in environ.items()}
    host = given.get("RIVERRUN_WORKER__WEB_HOST", "127.0.0.1")
    port = given.get("RIVERRUN_WORKER__WEB_PORT", "6066")
    for option, following in zip(words, [*words[1:], ""], strict=True):
        setting = following if option == "--set" else option.removeprefix("--set=")
        key, _, value = setting.partition("=")
        host = value if key.strip() == "worker.web_host" else host
        port = value if key.strip() == "worker.web_port" else port
    host = "127.0.0.1" if host in ANY else host
    return (f"[{host}]" if ":" in host else host), port


if __name__ == "__main__":
    sys.exit(main())
