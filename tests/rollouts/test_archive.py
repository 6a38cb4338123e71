"""Rollouts on disk: given back as they were, lost only where a file is, and never torn."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.archive import Archive, Lost
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.index import FORMAT
from monitorbench.rollouts.packing import PackedTrace
from monitorbench.tasks.base import Problem

FACTS = '{"model":"m"}'


def block(steps: int, positions: int, seed: int = 0) -> BlockTrace:
    draw = np.random.default_rng(seed)
    shape = (steps, positions)
    entropy_SP = draw.random(shape, dtype=np.float32)
    entropy_SP[: steps // 2] = np.nan
    return BlockTrace(
        tokens_SP=draw.integers(-1, 9, shape).astype(np.int32),
        committed_SP=draw.random(shape) < 0.5,
        entropy_SP=entropy_SP,
        content_P=np.arange(positions) < positions - 1,
        top_ids_SPK=draw.integers(-1, 300, (*shape, 2)).astype(np.int32),
        top_probabilities_SPK=draw.random((*shape, 2), dtype=np.float32),
    )


def rollout(name: str = "p", **fields: Any) -> Rollout:
    whole: dict[str, Any] = {
        "problem": Problem(id=name, prompt="1 +", target="2", answer="2"),
        "repeat": 1,
        "text": "zwei \u2028 \ud800",
        "tokens": (3, 1, 2),
        "finished": True,
        "status": "correct",
        "trace": Trace(blocks=(block(3, 4), block(1, 2, seed=1))),
        "value_positions": {"b": (0, 1), "a": (2,)},
        "answer_positions": (2,),
        "counts": {"positions": 7},
    }
    return Rollout(**{**whole, **fields})


def problems_of(rollouts: Mapping[str, Rollout]) -> dict[str, Problem]:
    return {key: rollout.problem for key, rollout in rollouts.items()}


def found_in(folder: Path, rollouts: Mapping[str, Rollout], **options: Any) -> tuple[dict[str, Rollout], list[Lost]]:
    """What another process would find."""
    with closing(Archive(folder, **options)) as archive:
        return archive.find(problems_of(rollouts))


def stored(folder: Path, rollouts: Mapping[str, Rollout], **options: Any) -> None:
    with closing(Archive(folder, **options)) as archive:
        archive.keep(FACTS, rollouts)


def shards_of(folder: Path) -> list[Path]:
    return sorted((folder / "shards").iterdir())


def assert_same(one: Rollout, other: Rollout) -> None:
    for field in fields(Rollout):
        if field.name != "trace":
            assert getattr(one, field.name) == getattr(other, field.name)
    assert list(one.value_positions) == list(other.value_positions), "scores may go by the order"
    assert len(one.trace.blocks) == len(other.trace.blocks)
    for block, twin in zip(one.trace.blocks, other.trace.blocks, strict=True):
        for field in fields(BlockTrace):
            array, copy = getattr(block, field.name), getattr(twin, field.name)
            assert (array is None) == (copy is None)
            assert array is None or array.dtype == copy.dtype
            np.testing.assert_array_equal(array, copy)


def test_a_rollout_comes_back_as_it_was(tmp_path: Path) -> None:
    rollouts = {"a": rollout(), "b": rollout("q", trace=Trace(blocks=()), tokens=(), finished=False)}
    stored(tmp_path / "new" / "store", rollouts)
    found, lost = found_in(tmp_path / "new" / "store", {**rollouts, "c": rollout("r")})
    assert lost == []
    assert found.keys() == rollouts.keys()
    for key, whole in rollouts.items():
        assert_same(found[key], whole)


def test_everything_that_a_trace_may_hold_is_kept() -> None:
    """Whoever adds to a trace beside its blocks has to keep that too."""
    assert [field.name for field in fields(Trace)] == ["blocks"]


@settings(max_examples=25, deadline=None)
@given(shapes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4), text=st.text(max_size=20))
def test_any_trace_and_text_come_back(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int]], text: str
) -> None:
    folder = tmp_path_factory.mktemp("store")
    whole = rollout(text=text, trace=Trace(blocks=tuple(block(*shape) for shape in shapes)))
    stored(folder, {"a": whole})
    assert_same(found_in(folder, {"a": whole})[0]["a"], whole)


def test_traces_stay_on_disk_until_they_are_looked_at(tmp_path: Path) -> None:
    whole = rollout()
    with closing(Archive(tmp_path)) as archive:
        for kept in (archive.keep(FACTS, {"a": whole})["a"], archive.find(problems_of({"a": whole}))[0]["a"]):
            assert isinstance(kept.trace, PackedTrace)
            assert kept.trace.blocks[0] is not kept.trace.blocks[0]
            assert_same(kept, whole)


def test_the_first_recording_of_a_key_stays_unless_all_is_to_be_fresh(tmp_path: Path) -> None:
    first, second = rollout(text="first"), rollout(text="second")
    stored(tmp_path, {"a": first})
    stored(tmp_path, {"a": second})
    assert found_in(tmp_path, {"a": first})[0]["a"].text == "first"
    with closing(Archive(tmp_path)), closing(Archive(tmp_path, fresh=True)) as fresh:
        assert fresh.find(problems_of({"a": first})) == ({}, []), "another process uses the folder: nothing is removed"
        fresh.keep(FACTS, {"a": second})
        assert fresh.find(problems_of({"a": first}))[0]["a"].text == "second"
    assert found_in(tmp_path, {"a": first})[0]["a"].text == "second"
    stored(tmp_path, {"b": first}, fresh=True)
    assert found_in(tmp_path, {"a": first})[0] == {}
    assert len(shards_of(tmp_path)) == 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda shard: shard.unlink(), "no such file or directory"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:-1]), "its content has changed"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f"), "its content has changed"),
        (lambda shard: shard.write_bytes(b""), "its content has changed"),
    ],
    ids=["gone", "cut short", "one byte", "empty"],
)
def test_a_damaged_shard_counts_as_not_stored(tmp_path: Path, spoil: Any, why: str) -> None:
    damaged, sound = {"a": rollout(), "b": rollout("q")}, {"c": rollout("r", trace=Trace(blocks=(block(2, 2),)))}
    stored(tmp_path, damaged)
    (shard,) = shards_of(tmp_path)
    stored(tmp_path, sound)
    spoil(shard)
    found, lost = found_in(tmp_path, {**damaged, **sound})
    assert found.keys() == sound.keys()
    assert lost == [Lost(shard=shard.name, rollouts=2, why=why)]
    stored(tmp_path, damaged)
    assert found_in(tmp_path, {**damaged, **sound})[0].keys() == {*damaged, *sound}


def test_what_a_killed_process_left_behind_is_removed_by_the_next_that_is_alone(tmp_path: Path) -> None:
    stored(tmp_path, {"a": rollout()})
    (kept,) = shards_of(tmp_path)
    orphan, draft, foreign = (kept.with_name(name) for name in (f"{'0' * 64}.safetensors", "x.draft", "notes.txt"))
    for file in (orphan, draft, foreign):
        file.write_bytes(b"half")
    with closing(Archive(tmp_path)), closing(Archive(tmp_path)):
        assert shards_of(tmp_path) == sorted([kept, foreign])
        orphan.write_bytes(b"just written, not yet in the index")
        found_in(tmp_path, {})
        assert orphan.exists(), "others are at work"


def test_an_index_never_names_a_shard_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails between the shard and the index, nothing is entered."""
    with closing(Archive(tmp_path)) as archive:
        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(UsageError, match=r"rollouts cannot be kept there \(no space left on device\)"):
            archive.keep(FACTS, {"a": rollout()})
    assert shards_of(tmp_path) == []
    monkeypatch.undo()
    assert found_in(tmp_path, {"a": rollout()}) == ({}, [])


def fails(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_no_pickle_and_nothing_executable_is_written(tmp_path: Path) -> None:
    stored(tmp_path, {"a": rollout()})
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names[:2] == sorted([shards_of(tmp_path)[0].name, "index.sqlite"])
    assert names[2:] == ["lock"]


def altered(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite")) as index:
        index.execute(statement)
        index.commit()


FIX = "; run with --fresh while no other process uses it, or delete the folder"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            f"PRAGMA user_version = {FORMAT + 1}",
            f"holds rollouts in version {FORMAT + 1}; this monitorbench reads version {FORMAT}",
        ),
        ("PRAGMA application_id = 0", "index.sqlite in it is no index of rollouts"),
    ],
)
def test_an_index_of_another_version_is_refused_unless_all_is_to_be_fresh(
    tmp_path: Path, statement: str, message: str
) -> None:
    stored(tmp_path, {"a": rollout()})
    altered(tmp_path, statement)
    with pytest.raises(UsageError) as caught:
        Archive(tmp_path)
    assert str(caught.value) == f"{tmp_path}: {message}{FIX}"
    stored(tmp_path, {"b": rollout()}, fresh=True)
    assert found_in(tmp_path, {"a": rollout(), "b": rollout()})[0].keys() == {"b"}


def test_an_index_that_is_damaged_is_refused_unless_all_is_to_be_fresh(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(UsageError) as caught:
        Archive(tmp_path)
    assert str(caught.value) == f"{tmp_path}: its index cannot be read (file is not a database){FIX}"
    assert found_in(tmp_path, {"a": rollout()}, fresh=True) == ({}, [])


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(closed_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"rollouts cannot be kept there \(permission denied\)"):
        Archive(closed_folder / "store")


@pytest.mark.parametrize("place", ["file", "file/store", "/proc/store"])
def test_what_is_no_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"rollouts cannot be kept there .*; make it a writable folder"):
        Archive(tmp_path / place)


WRITER = """\
import sys
from pathlib import Path
from contextlib import closing
sys.path.insert(0, {tests!r})
from test_archive import Archive, FACTS, rollout
with closing(Archive(Path({folder!r}))) as archive:
    for batch in range(20):
        archive.keep(FACTS, {{f"{{batch}}.{{row}}": rollout(str(row), text=str(batch)) for row in range(4)}})
"""


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    script = WRITER.format(tests=str(Path(__file__).parent), folder=str(folder))
    writers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    wanted = {f"{batch}.{row}": rollout(str(row), text=str(batch)) for batch in range(20) for row in range(4)}
    found, lost = found_in(folder, wanted)
    assert lost == []
    assert found.keys() == wanted.keys()
    for key, whole in wanted.items():
        assert_same(found[key], whole)
    with closing(sqlite3.connect(folder / "index.sqlite")) as index:
        assert index.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert index.execute("PRAGMA journal_mode").fetchone() == ("wal",)
