"""What the proxy of the tests can do to a request, and who is chosen for it.

A chooser is any function of a request that gives a fault or None. Both here are replayable: what
they choose depends on the kind of a request and on how many of this kind came before it, not on
the clock and not on other kinds of requests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.kafka.wire import Api, Request


@dataclass(frozen=True)
class Delay:
    """The request reaches the broker later, and all that follows on its connection too."""

    seconds: float


@dataclass(frozen=True)
class CutBefore:
    """The connection ends, and the request never reaches the broker."""


@dataclass(frozen=True)
class CutAfter:
    """The broker does what is asked, then the connection ends instead of an answer."""


@dataclass(frozen=True)
class LoseAnswer:
    """The broker does what is asked; its answer is lost, and the connection stays."""


@dataclass(frozen=True)
class LateAnswer:
    """The answer comes later, and all answers after it on its connection too."""

    seconds: float


@dataclass(frozen=True)
class HalfOpen:
    """From this request on the connection takes everything and says nothing."""


@dataclass(frozen=True)
class Hold:
    """The connection ends, and the request reaches the broker later, on a connection of its own.

    Attributes:
        before: Delivered, and answered, before the ``count``-th request of this kind that
            follows goes on to the broker. None: only ``seconds`` decide.
        count: See ``before``.
        seconds: Delivered at the latest after so many.
    """

    before: Api | None = None
    count: int = 1
    seconds: float = 60.0


Fault = Delay | CutBefore | CutAfter | LoseAnswer | LateAnswer | HalfOpen | Hold
Chooser = Callable[[Request], Fault | None]


def no_fault(_: Request) -> None:
    """Let everything pass."""


class Once:
    """One fault for the next request of a kind.

    Args:
        api: The kind.
        fault: What happens to it.
        skip: So many of this kind pass before.
        client: Only requests of clients whose `client.id` is this; empty: of all.
    """

    def __init__(self, api: Api, fault: Fault, skip: int = 0, client: str = "") -> None:
        self._api, self._fault, self._skip, self._client = api, fault, skip, client
        self.done = False

    def __call__(self, request: Request) -> Fault | None:
        if self.done or request.api is not self._api:
            return None
        if self._client and request.client != self._client:
            return None
        if self._skip:
            self._skip -= 1
            return None
        self.done = True
        return self._fault


class Seeded:
    """Faults at random; the n-th request of a kind meets the same in each run of a seed.

    Args:
        seed: Decides.
        shares: By kind: the share of its requests that meet a fault.
        faults: One of them is drawn for each.
    """

    def __init__(self, seed: int, shares: Mapping[Api, float], faults: Sequence[Fault]) -> None:
        self._seed, self._shares, self._faults = seed, dict(shares), tuple(faults)

    def __call__(self, request: Request) -> Fault | None:
        draw = random.Random(f"{self._seed}/{request.api.name}/{request.number}")
        if draw.random() >= self._shares.get(request.api, 0.0):
            return None
        return draw.choice(self._faults)
