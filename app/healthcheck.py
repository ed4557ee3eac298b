"""Asks the worker or the sink of a container for its health: `python -m app.healthcheck`.

It needs nothing but Python's own library, since it runs every few seconds. Exits with 0 where
it is ready, and where the container runs something else: every other command is well while it
runs. So is a sink whose port nobody has set.
"""

import os
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SECONDS = 3.0
ANY = {"0.0.0.0", "::", ""}


def main() -> int:
    """The exit code: 0 is healthy."""
    command = Path(sys.argv[1] if len(sys.argv) > 1 else "/proc/1/cmdline").read_bytes()
    words = command.decode(errors="replace").split("\0")
    if (found := place(words, os.environ)) is None:
        return 0
    return _asked(*found)


def _asked(host: str, port: str) -> int:
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


def place(words: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Where it answers: as its command line says, else its environment, else the pipeline file."""
    if "worker" in words:
        return _place("worker", words, environ, {"web_port": "6066"})
    if "sink" not in words:
        return None
    file, name, *_ = (*_arguments(words[words.index("sink") + 1 :]), "", "")
    return _place(f"sinks.{name}", words, environ, _table(file, name))


def _place(
    table: str, words: Sequence[str], environ: Mapping[str, str], given: Mapping[str, str]
) -> tuple[str, str] | None:
    found = {"web_host": "127.0.0.1", **given}
    variables = {name.upper(): value for name, value in environ.items()}
    for option, following in zip(words, [*words[1:], ""], strict=True):
        setting = following if option == "--set" else option.removeprefix("--set=")
        key, _, value = setting.partition("=")
        variables |= {_variable(key.strip()): value}
    for key in ("web_host", "web_port"):
        if (set_ := variables.get(_variable(f"{table}.{key}"))) is not None:
            found[key] = set_
    host = "127.0.0.1" if found["web_host"] in ANY else found["web_host"]
    port = found.get("web_port")
    return (f"[{host}]" if ":" in host else host, port) if port else None


def _variable(key: str) -> str:
    """The variable of a key."""
    return f"RIVERRUN_{key.replace('.', '__')}".upper()


def _arguments(words: Sequence[str]) -> Iterator[str]:
    """What is no option, and no value of one."""
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            yield word
        elif "=" not in word:
            next(left, None)


def _table(file: str, name: str) -> dict[str, str]:
    """What the pipeline file says of a sink; nothing where it cannot be read."""
    try:
        said = tomllib.loads(Path(file).read_text())["sinks"][name]
        return {key: str(said[key]) for key in ("web_host", "web_port") if key in said}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


if __name__ == "__main__":
    sys.exit(main())
