"""The ten lines of docs/models.md work, with learners and nothing of Kafka."""

import subprocess
import sys
from pathlib import Path

from river import datasets

from learners import registry
from learners.model import Model
from learners.saved import snapshots
from tests.markdown import ROOT, blocks

WITHOUT_KAFKA = "import sys; sys.modules.update(confluent_kafka=None, faust=None, app=None)\n"


def phishing() -> Model:
    """A model of the pipeline that the page speaks of."""
    model = registry.create("passive_aggressive", {"C": 0.01}, scale=True)
    for x, y in datasets.Phishing().take(200):
        model.learn_one(x, y)
    return model


def test_the_ten_lines_load_predict_learn_and_save_without_kafka(tmp_path: Path) -> None:
    model, file = phishing(), tmp_path / "model.riverrun"
    file.write_bytes(snapshots.dump(model, {"phishing": 200}))
    (block,) = blocks(ROOT / "docs" / "models.md", "python")
    assert len([line for line in block.text.splitlines() if line]) <= 10

    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_KAFKA + block.text],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    x = {"is_popular": 0.5, "https": 1.0, "age_of_domain": 1}
    first, second = ran.stdout.splitlines()
    assert first == "passive_aggressive {'C': 0.01} 200"
    assert second == f"{model.predict_one(x)} {model.score(x)}"
    model.learn_one(x, True)
    saved, header = snapshots.load(file.read_bytes(), model)
    assert saved.fingerprint() == model.fingerprint()
    assert header.offsets == {"phishing": 200}
