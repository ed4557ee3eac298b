"""Errors of the topics room."""


class TopicsError(Exception):
    """Root of every error about topics and the values on them."""


class DecodeError(TopicsError, ValueError):
    """A value that is not in the format of its topic."""


class EncodeError(TopicsError, ValueError):
    """What the format of a topic, or its schema, cannot hold."""


class UnknownFormat(TopicsError, ValueError):
    """A format that no codec has."""
