"""What a training refuses; nothing was written then."""

from app.errors import RiverrunError


class HistoryRefused(RiverrunError):
    """A history that cannot be learned as the stream would have been."""


class CutRefused(RiverrunError):
    """No offset is there at which the stream can go on behind the history."""


class NotConsistent(RiverrunError):
    """Features or scores of the history are not those of the stream."""


class NotNew(RiverrunError):
    """The pipeline has a state already."""
