"""Which members each of several learners has."""

from __future__ import annotations


def share_of(members: int, share: int | None, learners: int) -> range:
    """The numbers of the members of one of several learners, in ascending order.

    >>> [list(share_of(10, share, 4)) for share in range(4)]
    [[0, 4, 8], [1, 5, 9], [2, 6], [3, 7]]

    Parameters
    ----------
    members
        How many there are.
    share
        The number of the learner, from 0; None: the members of all learners.
    learners
        How many there are.
    """
    return range(members) if share is None else range(share, members, learners)
