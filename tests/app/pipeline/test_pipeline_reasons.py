"""Reasons are asked only of learners that have them."""

from pathlib import Path

import pytest

from tests.app.pipeline_files import SMALLEST, read, refusal

REASONS = "[decisions]\nreasons = 3"


@pytest.mark.parametrize("type_", ["k_means", "river.tree.HoeffdingTreeClassifier"])
def test_a_learner_without_reasons_is_refused_in_one_line(tmp_path: Path, type_: str) -> None:
    text = SMALLEST.replace("passive_aggressive", type_) + REASONS
    assert refusal(tmp_path, text) == (
        f'p.toml:9: decisions.reasons = 3: the learner "{type_}" has none;'
        " linear learners of two classes or of numbers have"
    )


def test_a_linear_learner_has_reasons_behind_drift_and_steps_too(tmp_path: Path) -> None:
    more = '[learner.drift]\ndetector = "adwin"\n[[learner.steps]]\ntype = "quantile_bins"\n'
    assert read(tmp_path, SMALLEST + more + REASONS).decisions.reasons == 3


def test_no_reasons_are_asked_unless_they_are_wanted(tmp_path: Path) -> None:
    text = SMALLEST.replace("passive_aggressive", "k_means") + "[decisions]\nthreshold = 2"
    assert read(tmp_path, text).decisions.reasons == 0


RULE = SMALLEST.replace('.events.v1"', '.events.v1"\nfeatures = ["a", "r", "of_a"]')
RULE += '[learner.rule]\nfeature = "r"\nterms = { a = "of_a" }\n'


def test_the_fields_of_a_rule_and_of_its_terms_are_features(tmp_path: Path) -> None:
    rule = read(tmp_path, RULE + REASONS).learner.rule
    assert rule == {"feature": "r", "terms": {"a": "of_a"}}
    assert refusal(tmp_path, RULE.replace('"r", ', "")) == (
        'p.toml:10: learner.rule.feature = "r": is none of events.features'
    )
    assert refusal(tmp_path, RULE.replace(', "of_a"]', "]")) == (
        'p.toml:11: learner.rule.terms.a = "of_a": is none of events.features'
    )
