"""What goes from rank to rank comes out as it went in."""

from __future__ import annotations

import numpy as np
import pytest

from monitorbench.interventions.clamp import Clamp
from monitorbench.interventions.gate import Gate
from monitorbench.interventions.intervention import Intervention
from monitorbench.interventions.row_edits import RowEdit
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.ranks.wire import (
    Job,
    batch_from_bytes,
    batch_to_bytes,
    job_from_bytes,
    job_to_bytes,
    rollouts_from_bytes,
    rollouts_to_bytes,
)
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.packing import packed_blocks
from monitorbench.tasks.base import Edge, Problem

PROBLEM = Problem(
    id="p1",
    prompt="a lone surrogate \ud800 and a\nline",
    target="t",
    answer="4",
    values={"g": "2", "f": "1"},
    edges=(Edge(cause="f", effect="g"),),
    form={"order": "reversed"},
)


@pytest.mark.parametrize(
    "edit",
    [
        None,
        Clamp(step=2, positions=(1, 2), tokens=(7, 8), channel="thought", persistent=False, reseed=3),
        Gate(waves=((0, 1), (2,)), block=1),
    ],
)
def test_a_batch(edit: RowEdit | None) -> None:
    row = Row(problem=PROBLEM, repeat=1, tokens=(5, 6), seed=2**62, key="k", source=1, edit=edit)
    batch = RowBatch(rows=(row, row), real=1)
    assert batch_from_bytes(batch_to_bytes(batch)) == batch


def test_a_job() -> None:
    keep = Intervention(kind="keep", channel="c", keep=("top_k", 8))
    arms = (
        Arm(role="candidate", task="t", intervention=keep, form=(("order", "reversed"),), edit="e", watch=3),
        Arm(role="baseline", task="t", neighbours=2),
    )
    job = Job(arms=arms, orders=(0, 1, 0), together=True)
    found = job_from_bytes(job_to_bytes(job))
    assert found == job
    assert [(arm.watch, arm.neighbours) for arm in found.arms] == [(3, 0), (0, 2)], "equal arms may differ in these"


def test_rollouts() -> None:
    block = BlockTrace(
        tokens_SP=np.array([[4, 5], [4, 6]], np.int32),
        committed_SP=np.array([[True, False], [True, True]]),
        entropy_SP=np.array([[0.5, np.nan], [0.25, 1.0]], np.float32),
        content_P=np.array([True, False]),
    )
    ended = Rollout(
        problem=PROBLEM,
        repeat=0,
        text="g 2",
        tokens=(4, 6),
        finished=True,
        status="correct",
        trace=Trace(blocks=(block, block)),
        value_positions={"g": (0, 1), "f": ()},
        answer_positions=(1,),
        counts={"positions": 2},
    )
    raised = Rollout(
        problem=PROBLEM,
        repeat=1,
        text="",
        tokens=(),
        finished=False,
        status="error",
        trace=Trace(blocks=()),
        value_positions={},
        answer_positions=(),
        error="ValueError: no",
    )
    found = rollouts_from_bytes(rollouts_to_bytes([ended, raised]), [PROBLEM, PROBLEM])
    for before, after in zip((ended, raised), found, strict=True):
        for name in Rollout.__dataclass_fields__:
            if name != "trace":
                assert getattr(before, name) == getattr(after, name)
        for one, other in zip(packed_blocks(before.trace), packed_blocks(after.trace), strict=True):
            assert one.keys() == other.keys()
            for name in one:
                np.testing.assert_array_equal(one[name], other[name], strict=True)
    assert list(found[0].value_positions) == ["g", "f"], "the order of values is a part of what is kept"
