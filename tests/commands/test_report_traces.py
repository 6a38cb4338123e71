"""Which stored rollouts a page shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from made import WORDS, block

from monitorbench.commands.report_traces import spread, traces_of
from monitorbench.errors import UsageError
from monitorbench.metrics.trace import Trace
from monitorbench.report.model import ModelReport, Report, RunFacts, Verdict
from monitorbench.report.render.page.traces import embedded
from monitorbench.report.write import write
from monitorbench.rollouts.archive import Archive
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.reading import StoredArm, StoredRollout
from monitorbench.tasks.base import Problem

Command = Callable[..., tuple[int, str, str]]


REPORT = Report(
    verdict=Verdict.NOT_APPLICABLE,
    exit_code=3,
    versions={},
    device={},
    suite_sha256="c" * 64,
    suite={"name": "quickstart"},
    models=(
        ModelReport(
            role="candidate",
            source="zoo:diffusion-chain",
            family="block-diffusion",
            architecture="",
            parameters=1,
            channels=(),
            weights_sha256="a" * 64,
            config_sha256="",
            tokenizer_sha256="",
        ),
    ),
    checks=(),
    run=RunFacts(started="2026-01-02T03:04:05+00:00", seconds=1.0, host="", platform=""),
)


def rollout(name: str) -> Rollout:
    return Rollout(
        problem=Problem(id=name, prompt="", target="", answer=""),
        repeat=0,
        text=f"text of {name}",
        tokens=(1,),
        finished=True,
        status="wrong",
        trace=Trace(blocks=(block(positions=4, steps=3),)),
        value_positions={"a": (1,)},
        answer_positions=(3,),
    )


def keep(folder: Path, weights: str = "a" * 64, *, label: str = "candidate on chain, as it is") -> None:
    facts = json.dumps({"tokenizer": "t", "weights": weights})
    kept = {f"{weights}/{name}": rollout(name) for name in ("p", "q")}
    with closing(Archive(folder)) as archive:
        archive.keep(facts, kept, label=label, words=lambda ids: [WORDS[each] for each in ids])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A report in a folder of its own."""
    return tmp_path / "quickstart.json"


def test_rollouts_lie_beside_the_report(path: Path) -> None:
    keep(path.parent / "quickstart")
    found = traces_of(REPORT, path)
    assert (found.stored, found.missing) == (2, "")
    assert [(one.text, one.values, one.answer) for one in found.examples] == [
        ("text of p", {"a": [1]}, [3]),
        ("text of q", {"a": [1]}, [3]),
    ]
    assert len(embedded(found)) == 2


def test_those_of_another_checkpoint_are_not_shown(path: Path) -> None:
    keep(path.parent / "quickstart", "b" * 64)
    assert traces_of(REPORT, path).missing == "None of the stored rollouts beside the report are of its models."
    keep(path.parent / "quickstart")
    assert traces_of(REPORT, path).stored == 2


def test_without_a_store_there_are_none_unless_one_was_named(path: Path) -> None:
    assert traces_of(REPORT, path).missing == "No stored rollouts lie beside the report."
    with pytest.raises(UsageError, match="no run is kept there"):
        traces_of(REPORT, path, run=path.parent)
    keep(path.parent / "elsewhere")
    assert traces_of(REPORT, path, run=path.parent / "elsewhere").stored == 2


def test_a_trace_that_is_damaged_is_left_out_and_counted(path: Path) -> None:
    keep(path.parent / "quickstart")
    for shard in (path.parent / "quickstart/shards").iterdir():
        shard.write_bytes(b"")
    found = traces_of(REPORT, path)
    assert (found.examples, found.unreadable) == ([], 2)


def stored(arm: str, status: str, number: int) -> StoredRollout:
    fields: dict[str, Any] = {"text": "", "finished": True, "shard": "", "row": 0, "blocks": 0}
    labelled = StoredArm(name=arm, labels=(arm,), tokenizer="")
    return StoredRollout(name=f"{arm}/{status}/{number}", arm=labelled, status=status, **fields)


def test_every_arm_and_outcome_has_its_turn_before_one_has_a_second() -> None:
    many = [stored("candidate, zero", "wrong", n) for n in range(5)]
    many += [stored("baseline, as it is", "correct", n) for n in range(5)]
    many += [stored("candidate, as it is", status, n) for status in ("correct", "wrong") for n in range(5)]
    assert [one.name for one in spread(many, 5)] == [
        "candidate, as it is/correct/0",
        "candidate, as it is/correct/1",
        "candidate, as it is/wrong/0",
        "candidate, zero/wrong/0",
        "baseline, as it is/correct/0",
    ]
    assert len(list(spread(many, 100))) == 20
    assert list(spread(many, 0)) == []


def test_the_command_writes_a_page_with_them(path: Path, command: Command) -> None:
    keep(path.parent / "quickstart")
    write(REPORT, path)
    page = path.with_suffix(".html")
    assert command("report", str(path), "--format", "html", "--output", str(page)) == (0, "", "")
    assert "2 of 2 stored rollouts" in page.read_text(encoding="utf-8")
    assert command("report", str(path), "--format", "html", "--traces", "1", "--output", str(page))[0] == 0
    assert "1 of 2 stored rollouts" in page.read_text(encoding="utf-8")


def test_options_of_the_page_are_refused_elsewhere(path: Path, command: Command) -> None:
    write(REPORT, path)
    code, _, err = command("report", str(path), "--format", "json", "--traces", "0")
    assert (code, err) == (
        2,
        "error: --traces: format json has no such option; leave it out, or use --format html\n",
    )
    assert "-1 is less than 0" in command("report", str(path), "--format", "html", "--traces", "-1")[2]
