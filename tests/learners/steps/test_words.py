"""Words of texts: against River's bag of words and its TF-IDF, place by place."""

from __future__ import annotations

import re

import pytest
from river import feature_extraction

from learners.errors import WrongValue
from learners.registry import create
from learners.saved import snapshots
from learners.steps.texts import murmur
from learners.steps.words import Words

TEXTS = [
    "Win a FREE prize, win now",
    "see you at nine",
    "free entry: win 100 pounds",
    "",
    "déjà vu at NINE",
]


def places(step: Words, words: dict[str, float]) -> dict[str, float]:
    return {f"words_{murmur(w.encode(), 0) % step.n_features}": v for w, v in words.items()}


@pytest.mark.parametrize("ngrams", [1, 2])
def test_counts_are_those_of_rivers_bag_of_words(ngrams: int) -> None:
    step = Words(n_features=2**20, ngrams=ngrams)
    river = feature_extraction.BagOfWords(
        ngram_range=(1, ngrams), strip_accents=False, tokenizer=re.compile(r"\w+").findall
    )
    for text in TEXTS:
        said = river.transform_one(text)
        words = {" ".join(w) if isinstance(w, tuple) else w: float(n) for w, n in said.items()}
        assert step.transform_one({"t": text}) == places(step, words)


def test_tf_idf_is_that_of_river_up_to_the_number_of_words() -> None:
    step = Words(n_features=2**20, weighting="tf_idf")
    river = feature_extraction.TFIDF(strip_accents=False, tokenizer=re.compile(r"\w+").findall)
    for text in filter(None, TEXTS):
        river.learn_one(text)
        step.learn_one({"t": text})
        expected = places(step, river.transform_one(text))
        assert step.transform_one({"t": text}) == pytest.approx(expected)


def test_only_the_named_texts_are_cut_and_all_else_passes() -> None:
    step = Words(features=["t"], n_features=64)
    found = step.transform_one({"t": "a", "u": "b", "n": 3, "f": 0.5})
    assert {k: found[k] for k in ("u", "n", "f")} == {"u": "b", "n": 3, "f": 0.5}
    assert sum(name.startswith("words_") for name in found) == 1
    assert step.transform_one({"t": 7}) == {"t": 7}


@pytest.mark.parametrize(
    "wrong", [{"ngrams": 0}, {"weighting": "tfidf"}, {"n_features": 0}, {"features": "t"}]
)
def test_a_wrong_parameter_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongValue):
        Words(**wrong)  # type: ignore[arg-type]


def test_messages_are_told_apart_and_a_snapshot_goes_on_identically() -> None:
    steps = [{"type": "words", "weighting": "tf_idf", "n_features": 4096}]
    model = create("logistic_regression", {"learning_rate": 1.0}, steps=steps)
    data = [({"text": TEXTS[n % 5]}, n % 5 in (0, 2)) for n in range(200)]
    model.run([x for x, _ in data], [y for _, y in data])
    scores = [model.score({"text": text}) or 0.0 for text in TEXTS]
    assert min(scores[0], scores[2]) > 0.8 > 0.3 > max(scores[1], scores[4])
    new = create("logistic_regression", {"learning_rate": 1.0}, steps=steps)
    loaded, _ = snapshots.load(snapshots.dump(model, {}), new)
    assert loaded.fingerprint() == model.fingerprint()
    assert loaded.score({"text": "free nine"}) == model.score({"text": "free nine"})
