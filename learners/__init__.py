"""The models of riverrun: one algorithm a file, a registry, snapshots, conformance checks."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("riverrun")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"
