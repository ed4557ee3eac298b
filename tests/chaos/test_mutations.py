"""Each mutation still finds the text that it replaces; ``make mutations`` runs them."""

import shutil
from pathlib import Path

import pytest

from tests.chaos.mutations import MUTATIONS, ROOT, Mutation, mutate
from tests.chaos.parts import all_parts


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_changes_the_source_and_names_a_part(mutation: Mutation, tmp_path: Path) -> None:
    copy = tmp_path / mutation.file
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / mutation.file, copy)

    mutate(mutation, tmp_path)

    compile(copy.read_text(), mutation.file, "exec")
    assert copy.read_text() != (ROOT / mutation.file).read_text()
    assert mutation.part in all_parts()
