"""An index that somebody else wrote: what no run writes is recorded again, or refused, and leads nowhere."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from monitorbench.errors import UsageError
from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.archive import Archive, Lost
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.entries import STRANGE
from monitorbench.rollouts.reading import StoredRun
from monitorbench.tasks.base import Problem

Command = Callable[..., tuple[int, str, str]]
PROBLEM = Problem(id="p", prompt="1 +", target="2", answer="2")
WRONG = {
    "text": 1,
    "tokens": "x",
    "finished": 1,
    "status": 3,
    "value_positions": [],
    "answer_positions": 3,
    "counts": 1,
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of one rollout."""
    rollout = Rollout(
        problem=PROBLEM,
        repeat=0,
        text="2",
        tokens=(3,),
        finished=True,
        status="correct",
        trace=Trace(blocks=()),
        value_positions={"a": (0,)},
        answer_positions=(0,),
        counts={},
    )
    with closing(Archive(tmp_path)) as archive:
        archive.keep('{"model": "m"}', {"a": rollout}, label="candidate")
    return tmp_path


def spoil(store: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(store / "index.sqlite")) as index:
        index.execute(statement, values)
        index.commit()


def found_in(store: Path) -> tuple[dict[str, Rollout], list[Lost]]:
    with closing(Archive(store)) as archive:
        return archive.find({"a": PROBLEM})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("found", text) for text in ("{", "[]", "{}", "null", "[" * 5000, b"\xff", 5)),
        ("found", json.dumps(WRONG)),
        *((column, value) for column in ("row", "blocks", "repeat") for value in (-1, 10**15, "x", 1.5)),
    ],
)
def test_a_strange_entry_is_recorded_again_and_cannot_be_shown(store: Path, column: str, value: object) -> None:
    spoil(store, f"UPDATE rollouts SET {column} = ?", value)
    with pytest.raises(UsageError, match="its index holds what no run wrote; run with --fresh"):
        StoredRun(store)
    found, (lost,) = found_in(store)
    assert (found, lost.rollouts, lost.why) == ({}, 1, STRANGE)
    assert found_in(store) == ({}, [])


@pytest.mark.parametrize("name", ["/dev/zero", "../index.sqlite", "../../x.safetensors", "x\0y", "", "\x1b[2J", 7])
def test_the_name_of_a_shard_leads_nowhere_else(store: Path, name: object) -> None:
    spoil(store, "UPDATE rollouts SET shard = ?", name)
    run = StoredRun(store)
    with pytest.raises(UsageError, match=r"cannot be read \(it is no file of traces\); run the suite again"):
        run.trace(run.rollouts[next(iter(run.rollouts))])
    assert [lost.why for lost in found_in(store)[1]] == ["it is no file of traces"]


def replaced(store: Path, content: bytes) -> None:
    """Another shard in the place of the one that is there, with the name that goes with its content."""
    name = f"{hashlib.sha256(content).hexdigest()}.safetensors"
    (store / "shards" / name).write_bytes(content)
    spoil(store, "UPDATE rollouts SET shard = ?, blocks = 1", name)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8 + b"{}", (2**62).to_bytes(8, "little") + b"{}"])
def test_a_shard_that_is_no_file_of_traces(store: Path, content: bytes) -> None:
    replaced(store, content)
    assert [lost.why for lost in found_in(store)[1]] == ["it is no file of traces"]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"0.0.content_P": np.ones(2, bool), "0.0.tokens.counts_S": np.array([5]), "0.0.tokens_X": np.array([1])},
        {
            "0.0.content_P": np.ones(2, bool),
            "0.0.tokens.counts_S": np.array([1]),
            "0.0.tokens.positions_X": np.array([99]),
            "0.0.tokens_X": np.array([1]),
        },
    ],
)
def test_arrays_that_do_not_fit_each_other_cannot_be_shown(store: Path, arrays: dict[str, Any]) -> None:
    replaced(store, save(arrays))
    run = StoredRun(store)
    (rollout,) = run.rollouts.values()
    if arrays:
        with pytest.raises(UsageError, match="its trace cannot be read"):
            run.trace(rollout)
    else:
        assert all(block.tokens_SP is None for block in run.trace(rollout).blocks)


def test_a_pipe_in_place_of_a_shard_is_not_waited_for(store: Path) -> None:
    (shard,) = (store / "shards").iterdir()
    shard.unlink()
    os.mkfifo(shard)
    assert [lost.why for lost in found_in(store)[1]] == ["it is a pipe"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE arms SET facts = '{'",
        "UPDATE arms SET facts = '[]'",
        "DELETE FROM arms",
        "INSERT INTO words VALUES ('t', 'x', '{')",
        "INSERT INTO words VALUES ('t', 1, '7')",
        "DROP TABLE labels",
    ],
)
def test_strange_tables_are_refused_in_one_sentence(store: Path, command: Command, statement: str) -> None:
    spoil(store, statement)
    code, out, err = command("trace", "list", str(store))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {store}: ")


def test_names_are_values_and_never_statements(store: Path, command: Command) -> None:
    name = "'; DROP TABLE rollouts; --\x1b[2J\n"
    spoil(store, "UPDATE rollouts SET problem = ?", name)
    spoil(store, "UPDATE labels SET label = ?", name)
    code, out, _ = command("trace", "list", str(store))
    assert (code, out.count("\n")) == (0, 2)
    assert "\x1b" not in out
    assert len(found_in(store)[0]) == 1
