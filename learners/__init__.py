"""The models of riverrun: one algorithm a file, a registry, snapshots, conformance checks."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learners.registry import create as create

try:
    __version__ = version("riverrun")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"


def __getattr__(name: str) -> Any:
    """`create` on first use: with it comes Numba, which takes half a second to import."""
    if name != "create":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from learners.registry import create

    return create
