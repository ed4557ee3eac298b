"""Reads the Dockerfile and the compose file, for the tests that hold them to the truth."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def compose() -> dict[str, Any]:
    """The compose file with its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def own_services() -> dict[str, dict[str, Any]]:
    """The services that run riverrun's own image."""
    services: dict[str, dict[str, Any]] = compose()["services"]
    return {name: service for name, service in services.items() if "build" in service}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, as pairs such as ("COPY", "app app")."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line)]


def copied() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    lines = [rest.split() for word, rest in instructions() if word == "COPY"]
    return [source for line in lines if not line[0].startswith("--from") for source in line[:-1]]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    pairs = [pair for word, rest in instructions() if word == "ENV" for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def warm_up() -> list[str]:
    """By what the image is built with all that its pipeline has compiled: `riverrun`'s words."""
    (line,) = [rest for word, rest in instructions() if word == "RUN" and rest[0] == "["]
    program, *words = json.loads(line)
    assert program == "riverrun"
    return [str(word) for word in words]


def health_check() -> list[str]:
    """The image's health check: `python` and what it runs."""
    (line,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    python, *arguments = json.loads(line.partition("CMD ")[2])
    assert python == "python"
    return [str(argument) for argument in arguments]
