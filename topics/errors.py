"""Errors of the topics room."""


class TopicsError(Exception):
    """Root of every error about what is said on Kafka."""


class DecodeError(TopicsError, ValueError):
    """A value that is not in the format of its topic."""


class UnknownFormat(TopicsError, ValueError):
    """A format that no codec has."""
