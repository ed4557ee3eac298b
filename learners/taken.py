"""Names of packages that a user's own code cannot have."""

from __future__ import annotations

OURS = ("agents", "app", "learners", "topics")


def hint(module: str) -> str:
    """Why a module is not found, where its package has a name of riverrun's own; else empty."""
    package = module.partition(".")[0]
    if package not in OURS:
        return ""
    return f' ("{package}" is riverrun\'s own package: give yours another name)'
