"""Compiles kernels into the cache on disk: ``python -m tests.compiled``.

Before `make test`, whose processes begin at one time and would each compile the same.
"""

from importlib.util import find_spec
from pathlib import Path

from app.pipeline.load import load_pipeline
from app.pipeline.models import new_model
from app.worker.task_builder import TaskBuilder
from tests.without_numba import compiled

PIPELINES = Path(__file__).parents[1] / "pipelines"


def warm_up() -> None:
    """Let every kernel run that workers of our pipelines warm up."""
    for file in sorted(PIPELINES.glob("*.toml")):
        pipeline = load_pipeline(file, {}, {})
        TaskBuilder(pipeline).warm_up(new_model(pipeline))


def main() -> None:
    """And those of all learners, steps and features of entities."""
    from tests.agents.entities import test_kernels as entities
    from tests.learners.engine import test_kernels as learners

    warm_up()
    for program in (learners.PROGRAM, entities.PROGRAM):
        compiled(program)


if __name__ == "__main__" and find_spec("numba"):
    main()
