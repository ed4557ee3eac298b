"""Words of texts as features: tokens, n-grams, hashed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learners.base import Features
from learners.parameters import one_of, whole
from learners.steps.base import TextStep
from learners.steps.texts import field_names, murmur

WEIGHTINGS = ("counts", "tf_idf")
_TOKEN = re.compile(r"\w+")
_REMEMBERED = 100_000
_LONGEST = 64


class Words(TextStep):
    """The words of a text as numbers, `words_0` and on.

    A text is cut into runs of letters and digits, in lower case; with `ngrams = 2` pairs of
    neighbours count as words too, and so on. The hash of a word is its place, so nothing has to
    be known beforehand. Words that meet in one place are added. Texts of several fields are one.

    Parameters
    ----------
    features
        The fields with the texts; the others pass. Default: every text.
    n_features
        Places, 1 to 2**20. A power of two and well over the number of words that matter.
    ngrams
        The most words that are taken together, 1 to 5.
    weighting
        "counts": how often each word is there. "tf_idf": that times log((1 + n) / (1 + d)) + 1,
        where d of the n texts that were learned have the word; then all divided by their
        Euclidean norm.
    seed
        Of the hash, 0 to 2**32 - 1.

    Examples
    --------
    >>> from river import datasets
    >>> step = Words(n_features=1024)
    >>> step.transform_one({"text": "Win a FREE prize, win now", "length": 25})
    {'length': 25, 'words_634': 2.0, 'words_434': 1.0, 'words_110': 1.0, 'words_809': 1.0,
     'words_531': 1.0}

    References
    ----------
    Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature Hashing for Large Scale
    Multitask Learning. ICML 2009. The weights of TF-IDF are those of River's TFIDF.
    """

    def __init__(
        self,
        features: Sequence[str] | None = None,
        n_features: int = 16384,
        ngrams: int = 1,
        weighting: str = "counts",
        seed: int = 0,
    ) -> None:
        super().__init__(field_names(features))
        self.n_features = whole("n_features", n_features, least=1, most=2**20)
        self.ngrams = whole("ngrams", ngrams, least=1, most=5)
        self.weighting = one_of("weighting", weighting, WEIGHTINGS)
        self.seed = whole("seed", seed, least=0, most=2**32 - 1)
        self._places: dict[str, int] = {}
        self._texts = 0
        self._having = np.zeros(self.n_features if weighting == "tf_idf" else 0, np.int64)

    def note(self, x: Features) -> bool:
        """Count in how many texts each word is."""
        if self.weighting != "tf_idf":
            return False
        places = list(self._counts(x))
        self._having[places] += 1
        self._texts += bool(places)
        return bool(places)

    def transform_one(self, x: Features) -> dict[str, Any]:
        """The other fields as they are, and a number for each word of the texts."""
        out: dict[str, Any] = {k: v for k, v in x.items() if not self._is_text(k, v)}
        counts = self._counts(x)
        if self.weighting == "counts":
            out |= {f"words_{place}": float(n) for place, n in counts.items()}
            return out
        weights = {place: n * self._idf(place) for place, n in counts.items()}
        norm = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
        out |= {f"words_{place}": weight / norm for place, weight in weights.items()}
        return out

    def state(self) -> dict[str, Any]:
        """What TF-IDF has counted."""
        if self.weighting != "tf_idf":
            return {}
        return {"texts": self._texts, "having": self._having.copy()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        if self.weighting == "tf_idf":
            self._texts = int(state["texts"])
            self._having = np.array(state["having"], np.int64)

    def _idf(self, place: int) -> float:
        return math.log((1 + self._texts) / (1 + int(self._having[place]))) + 1.0

    def _is_text(self, name: str, value: Any) -> bool:
        return type(value) is str and (self.features is None or name in self.features)

    def _counts(self, x: Features) -> Counter[int]:
        """How often each place is hit by the words of the event."""
        found = Counter[int]()
        for name, value in x.items():
            if not self._is_text(name, value):
                continue
            tokens = _TOKEN.findall(str(value).lower())
            for size in range(1, self.ngrams + 1):
                for i in range(len(tokens) - size + 1):
                    found[self._place(" ".join(tokens[i : i + size]))] += 1
        return found

    def _place(self, word: str) -> int:
        place = self._places.get(word)
        if place is None:
            place = murmur(word.encode("utf-8", "surrogatepass"), self.seed) % self.n_features
            if len(word) <= _LONGEST:
                if len(self._places) >= _REMEMBERED:
                    self._places.clear()
                self._places[word] = place
        return place
