"""`trace` shows what an earlier run kept, on one line for each step, whatever a model wrote."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitorbench.commands.trace_canvas import Canvas, shown
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.archive import Archive
from monitorbench.rollouts.arm import Rollout
from monitorbench.rollouts.batching import Row
from monitorbench.rollouts.errored import errored
from monitorbench.rollouts.key import digest
from monitorbench.tasks.base import Problem

Command = Callable[..., tuple[int, str, str]]
FACTS = '{"tokenizer":"t"}'
ARM = digest(FACTS)[:8]
WORDS = {5: "five", 6: "\x1b[31mred", 7: "\n"}
BLOCK = BlockTrace(
    tokens_SP=np.array([[5, -1, -1], [5, 6, 9]], np.int32),
    committed_SP=np.array([[False, False, False], [True, True, False]]),
    entropy_SP=np.array([[0.5, np.nan, np.nan], [0.25, 0, 1]], np.float32),
    content_P=np.array([True, True, False]),
    top_ids_SPK=np.array([[[5, 6], [-1, -1], [-1, -1]], [[5, 7], [6, 5], [9, 9]]], np.int32),
    top_probabilities_SPK=np.array([[[0.75, 0.25], [0, 0], [0, 0]], [[0.75, 0.25]] * 3], np.float32),
    canvas_SP=np.array([[7, 7, 7], [5, 7, 7]], np.int32),
)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which a suite `small` was run."""
    monkeypatch.chdir(tmp_path)
    fields: dict[str, Any] = {"tokens": (5, 6), "finished": True, "status": "wrong", "answer_positions": ()}
    rollout = Rollout(
        problem=Problem(id="p", prompt="", target="", answer=""),
        repeat=0,
        text="five \x1b[31mred",
        trace=Trace(blocks=(BLOCK, BLOCK)),
        value_positions={},
        **fields,
    )
    with closing(Archive(tmp_path / "reports/runs/small")) as archive:
        words = lambda ids: [WORDS.get(each, "") for each in ids]  # noqa: E731  # a table, looked up
        archive.keep(FACTS, {"a": rollout}, label="candidate on chain, as it is", words=words)
    return tmp_path


def test_rollouts_are_listed_by_arm(stored: Path, command: Command) -> None:
    assert command("trace", "list", "small") == (
        0,
        f"{ARM}: candidate on chain, as it is, 1 rollout\n"
        f"  {ARM}/p  wrong       five \N{REPLACEMENT CHARACTER}[31mred\n",
        "",
    )
    code, out, _ = command("trace", "list", "small", "--json")
    (row,) = json.loads(out)
    assert (code, row["rollout"], row["text"]) == (0, f"{ARM}/p", "five \x1b[31mred")


def test_a_rollout_that_raised_is_listed_with_its_reason(stored: Path, command: Command) -> None:
    raised = errored(
        Row(problem=Problem(id="q", prompt="", target="", answer=""), repeat=0, tokens=(1,)),
        "KeyError: 'x' (m.py:3)",
        4,
    )
    with closing(Archive(stored / "reports/runs/small")) as archive:
        archive.keep(FACTS, {"b": raised}, label="candidate on chain, as it is")
        assert archive.find({"b": raised.problem}) == ({}, []), "it is tried again"
    assert command("trace", "list", "small")[1].splitlines()[2] == f"  {ARM}/q  error       KeyError: 'x' (m.py:3)"
    assert json.loads(command("trace", "list", "small", "--json")[1])[1]["error"] == "KeyError: 'x' (m.py:3)"
    code, out, _ = command("trace", "show", "small", f"{ARM}/q")
    assert (code, out) == (0, f"{ARM}/q: candidate on chain, as it is; error, KeyError: 'x' (m.py:3)\n")
    assert json.loads(command("trace", "show", "small", f"{ARM}/q", "--json")[1])["steps"] == []


def test_a_canvas_is_shown_on_one_line_for_each_step(stored: Path, command: Command) -> None:
    code, out, err = command("trace", "show", "small", f"{ARM}/p")
    assert (code, err) == (0, "")
    steps = [line for line in out.splitlines() if line.startswith("step")]
    assert steps == [
        "step 0   five   \N{MIDDLE DOT}",
        "step 1  [five] [\N{REPLACEMENT CHARACTER}[31mred]",
        "step 2   five   \N{MIDDLE DOT}",
        "step 3  [five] [\N{REPLACEMENT CHARACTER}[31mred]",
    ]
    assert "block 1: 2 steps, 3 positions, 2 with content" in out
    assert "\x1b" not in out, "neither colours nor what a model wrote"


def test_a_step_is_shown_with_its_likeliest_tokens(stored: Path, command: Command) -> None:
    code, out, _ = command("trace", "show", "small", f"{ARM}/p", "--step", "3")
    assert code == 0
    assert [line.split() for line in out.splitlines()[2:]] == [
        ["step", "3:", "step", "1", "of", "block", "1"],
        ["position", "token", "committed", "entropy", "seen", "likeliest"],
        ["0", "five", "yes", "0.250", "five", "five", "0.750,", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "0.250"],
        [
            *("1", "\N{REPLACEMENT CHARACTER}[31mred", "yes", "0.000", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"),
            *("\N{REPLACEMENT CHARACTER}[31mred", "0.750,", "five", "0.250"),
        ],
    ]


def test_json_holds_the_same(stored: Path, command: Command) -> None:
    shown = json.loads(command("trace", "show", "small", f"{ARM}/p", "--json")[1])
    assert [step["step"] for step in shown["steps"]] == [0, 1, 2, 3]
    assert shown["steps"][0]["positions"] == [
        {"position": 0, "token": 5, "text": "five", "committed": False, "entropy": 0.5},
        {"position": 1, "token": None, "text": "", "committed": False, "entropy": None},
    ]
    (step,) = json.loads(command("trace", "show", "small", f"{ARM}/p", "--step", "1", "--json")[1])["steps"]
    assert step["positions"][1]["seen"] == {"token": 7, "text": "\n"}
    assert step["positions"][1]["top"] == [
        {"token": 6, "text": "\x1b[31mred", "probability": 0.75},
        {"token": 5, "text": "five", "probability": 0.25},
    ]


@pytest.mark.parametrize(
    "run", ["small", "reports/runs/small", "reports/runs/small.json", "{folder}/reports/runs/small"]
)
def test_a_run_goes_by_its_suite_its_folder_or_its_report(run: str, stored: Path, command: Command) -> None:
    assert command("trace", "list", run.format(folder=stored))[0] == 0


def test_what_is_not_there_is_said_with_what_is(stored: Path, command: Command) -> None:
    code, out, err = command("trace", "list", "smal")
    assert (code, out, err) == (2, "", "error: smal: no run is kept there; did you mean `small`?\n")
    assert command("trace", "list", "quux")[2] == "error: quux: no run is kept there; kept here: `small`\n"
    assert command("trace", "show", "small", f"{ARM}/q")[2] == (
        f"error: {ARM}/q: no such rollout is kept; did you mean `{ARM}/p`?\n"
    )
    assert command("trace", "show", "small", "zzz")[2] == (
        "error: zzz: no such rollout is kept; `monitorbench trace list` prints the names\n"
    )
    for number in ("4", "-1"):
        assert command("trace", "show", "small", f"{ARM}/p", f"--step={number}")[2] == (
            f"error: --step: there is no step {number}; the rollout has steps 0 to 3\n"
        )
    shutil.rmtree(stored / "reports")
    assert command("trace", "list", "small")[2] == (
        "error: small: no run is kept there; no run is kept under reports/runs here: `monitorbench run` keeps one\n"
    )


def test_what_a_run_kept_is_shown_in_words(folder: Path, command: Command) -> None:
    command("run", "s.yaml", "--only", "order", "--quiet")
    rows = json.loads(command("trace", "list", "small", "--json")[1])
    arms = Counter(label for row in rows for label in row["arm"])
    assert arms["candidate on chain, as it is"] == 6
    code, out, err = command("trace", "show", "small", rows[0]["rollout"])
    assert (code, err) == (0, "")
    last = [line for line in out.splitlines() if line.startswith("step")][-1]
    assert [cell.strip("[]") for cell in last.split()[2:]] == rows[0]["text"].split(), "a text is committed as it grows"


def test_colour_tells_committed_tokens_on_a_terminal() -> None:
    canvas = Canvas(blocks=[BLOCK], words=WORDS)
    plain, coloured = (list(canvas.lines(colour=colour)) for colour in (False, True))
    assert coloured[3].startswith("step 1  \x1b[32m[five]\x1b[0m")
    assert coloured[2].startswith("step 0  \x1b[2m five \x1b[0m")
    assert len(plain) == len(coloured)


def test_tokens_without_a_word_go_by_their_number() -> None:
    canvas = Canvas(blocks=[BLOCK], words={})
    assert list(canvas.lines(colour=False))[-1] == "step 1  [<5>] [<6>]"


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        (" the", "the"),
        (" ", "\N{OPEN BOX}"),
        ("\n\n", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}" * 2),
        ("\x07", "\N{REPLACEMENT CHARACTER}"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("an-extremely-long-token", "an-extremely-..."),
    ],
)
def test_a_token_is_visible_and_harmless(text: str, visible: str) -> None:
    assert shown(text) == visible
