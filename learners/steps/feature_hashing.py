"""The hashing trick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learners.base import Features
from learners.parameters import switch, whole
from learners.steps.base import TextStep
from learners.steps.texts import field_names, murmur

_REMEMBERED = 100_000
_LONGEST = 200


class FeatureHashing(TextStep):
    """Features of any number into `n_features` ones, `hash_0` and on; nothing is learned.

    The text `de` of `country` counts as 1 under the name `country=de`, a number as itself
    under its own name. A name's place and its sign come from its hash; what meets in one
    place is added.

    Parameters
    ----------
    n_features
        Places, 1 to 2**24. A power of two and well over the number of names, or they collide.
    seed
        Of the hash, 0 to 2**32 - 1.
    alternate_sign
        Whether half of the names count negative, so that collisions cancel out.
    features
        The fields to hash; the others pass. Default: all.

    Examples
    --------
    >>> from river import datasets
    >>> step = FeatureHashing(n_features=64)
    >>> x, y = next(iter(datasets.Phishing()))
    >>> step.transform_one({"empty_server_form_handler": 0.5, "country": "de"})
    {'hash_39': 0.5, 'hash_35': 1.0}
    >>> len(x), len(step.transform_one(x))
    (9, 8)

    References
    ----------
    Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature Hashing for Large Scale
    Multitask Learning. ICML 2009. Hash, sign and place are those of River's FeatureHasher.
    """

    def __init__(
        self,
        n_features: int = 65536,
        seed: int = 0,
        alternate_sign: bool = True,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(field_names(features))
        self.n_features = whole("n_features", n_features, least=1, most=2**24)
        self.seed = whole("seed", seed, least=0, most=2**32 - 1)
        self.alternate_sign = switch("alternate_sign", alternate_sign)
        self._places: dict[str, tuple[str, float]] = {}

    def note(self, x: Features) -> bool:
        """Nothing is learned."""
        return False

    def transform_one(self, x: Features) -> dict[str, Any]:
        """The sums of the places that the event hits."""
        out: dict[str, Any] = {}
        for name, value in x.items():
            if self.features is not None and name not in self.features:
                out[name] = out.get(name, 0.0) + value
                continue
            text, amount = (f"{name}={value}", 1.0) if type(value) is str else (name, value)
            place, sign = self._places.get(text) or self._place(text)
            out[place] = out.get(place, 0.0) + sign * amount
        return out

    def _place(self, text: str) -> tuple[str, float]:
        number = murmur(text.encode("utf-8", "surrogatepass"), self.seed)
        signed = number - (number >> 31 << 32)
        sign = -1.0 if signed < 0 and self.alternate_sign else 1.0
        found = f"hash_{signed % self.n_features}", sign
        if len(text) <= _LONGEST:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            self._places[text] = found
        return found

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to take over."""
