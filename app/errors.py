"""Errors of the app room."""


class RiverrunError(Exception):
    """Root of every error that the program explains in one line, without a traceback."""
