"""What an earlier run kept can be looked at without a model, and is left as it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitorbench.errors import UsageError
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.archive import Archive
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.index import FORMAT
from monitorbench.rollouts.key import digest
from monitorbench.rollouts.reading import StoredRun
from monitorbench.tasks.base import Problem

FACTS, ALSO = '{"tokenizer":"t"}', '{"tokenizer":"u"}'
ARM, OTHER = digest(FACTS)[:8], digest(ALSO)[:8]


def rollout(name: str = "p", repeat: int = 0, text: str = "5") -> Rollout:
    block = BlockTrace(
        tokens_SP=np.array([[5, -1], [5, 6]], np.int32),
        committed_SP=np.array([[True, False], [True, True]]),
        entropy_SP=np.zeros((2, 2), np.float32),
        content_P=np.ones(2, bool),
    )
    fields: dict[str, Any] = {"tokens": (5, 6), "finished": True, "status": "wrong", "answer_positions": ()}
    problem = Problem(id=name, prompt="", target="", answer="")
    return Rollout(
        problem=problem, repeat=repeat, text=text, trace=Trace(blocks=(block,)), value_positions={}, **fields
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(Archive(tmp_path)) as archive:
        first = {"a": rollout(), "b": rollout(repeat=1), "c": rollout("q")}
        archive.keep(FACTS, first, label="candidate on chain", words=lambda ids: [f"\ud800{each}" for each in ids])
        archive.keep(FACTS, {"d" * 64: rollout("q", text="6")}, label="baseline on chain")
        archive.keep(ALSO, {"e": rollout()}, label="candidate on other")
    return tmp_path


def test_rollouts_go_by_arm_prompt_and_repeat(folder: Path) -> None:
    run = StoredRun(folder)
    assert set(run.rollouts) == {f"{ARM}/p", f"{ARM}/p/1", f"{ARM}/q@c", f"{ARM}/q@dddddddd", f"{OTHER}/p"}
    assert run.rollouts[f"{ARM}/p"].arm.label == "baseline on chain / candidate on chain"
    assert run.rollouts[f"{ARM}/q@dddddddd"].text == "6"
    assert run.rollouts[f"{OTHER}/p"].arm.labels == ("candidate on other",)


def test_traces_and_words_are_there_without_a_model(folder: Path) -> None:
    run = StoredRun(folder)
    (block,) = run.trace(run.rollouts[f"{ARM}/p/1"]).blocks
    assert block.tokens_SP.tolist() == [[5, -1], [5, 6]]
    assert run.words(run.rollouts[f"{ARM}/p"].arm) == {5: "\ud8005", 6: "\ud8006"}
    assert run.words(run.rollouts[f"{OTHER}/p"].arm) == {}


def test_a_damaged_trace_is_said_to_be_one(folder: Path) -> None:
    run = StoredRun(folder)
    one = run.rollouts[f"{ARM}/p"]
    (folder / "shards" / one.shard).write_bytes(b"")
    with pytest.raises(UsageError, match=r"/p: its trace cannot be read \(its content has changed\)"):
        run.trace(one)


def test_reading_goes_on_beside_a_process_that_writes(folder: Path) -> None:
    with closing(Archive(folder)) as archive:
        archive.keep(FACTS, {"f": rollout("r")})
        assert f"{ARM}/r" in StoredRun(folder).rollouts


def test_nothing_is_made_where_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rollouts cannot be read there"):
        StoredRun(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_index_of_another_version_is_refused(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite")) as index:
        index.execute(f"PRAGMA user_version = {FORMAT + 1}")
        index.commit()
    with pytest.raises(UsageError, match=f"holds rollouts in version {FORMAT + 1}"):
        StoredRun(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_in_which_nothing_may_be_written_is_read(folder: Path) -> None:
    folder.chmod(0o500)
    assert StoredRun(folder).rollouts
    folder.chmod(0o700)
