"""`depth` counts a model from its configuration, and says what it counted."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitorbench.depth import CONVENTIONS, opaque_depth

Command = Callable[..., tuple[int, str, str]]
DIFFUSION, CAUSAL = "zoo:diffusion-chain", "zoo:ar-chain"
VISION = '{"model_type": "vit"}'


@pytest.fixture
def counted(command: Command) -> Callable[..., dict[str, Any]]:
    """The JSON object of a `depth` command, which must end well."""

    def run(*words: str) -> dict[str, Any]:
        code, out, _ = command("depth", *words, "--json")
        assert code == 0
        found: dict[str, Any] = json.loads(out)
        return found

    return run


class TestJson:
    """One object, with all that a reader needs to compare it."""

    def test_it_says_what_was_counted(self, counted):
        found = counted(DIFFUSION, "--context", "64", "--steps", "3", "--interpretable", "self_conditioning")
        result = opaque_depth(DIFFUSION, context=64, steps=3, interpretable=["self_conditioning"])
        del found["segments"], found["notes"]
        assert found == {
            "model": DIFFUSION,
            "convention": "circuit",
            "dtype": "float32",
            "context": 64,
            "steps": 3,
            "interpretable": ["self_conditioning"],
            "tokens_cut": True,
            "depth": result.depth,
            "depth_at_fewest_repeats": result.depth_at_fewest_repeats,
            "casts": 0,
        }

    def test_against_adds_the_other_depth_and_the_ratio(self, counted):
        found = counted(DIFFUSION, "--against", CAUSAL)
        assert (found["context"], found["against"]["context"]) == (256, 256)
        assert found["against"]["model"] == CAUSAL
        assert found["ratio"] == found["depth"] / found["against"]["depth"]

    @pytest.mark.parametrize("convention", CONVENTIONS)
    def test_every_convention_is_named(self, counted, convention):
        found = counted(CAUSAL, "--context", "64", "--convention", convention)
        assert (found["convention"], found["depth"] > 0) == (convention, True)

    def test_casts_belong_to_the_program(self, counted):
        words = (DIFFUSION, "--context", "64", "--dtype", "bfloat16")
        program, function = counted(*words, "--convention", "implemented"), counted(*words)
        assert (program["dtype"], program["casts"] > 0, function["casts"]) == ("bfloat16", True, 0)

    def test_a_longer_canvas_leaves_a_shorter_prompt(self, counted):
        usual, longest = (counted(DIFFUSION, "--context", "64", *canvas) for canvas in ([], ["--canvas", "63"]))
        assert longest["segments"][0]["gates"] < usual["segments"][0]["gates"]

    def test_uncut_tokens_are_said_to_be_uncut(self, counted):
        found = counted(DIFFUSION, "--context", "64", "--no-cut", "tokens")
        assert (found["tokens_cut"], found["segments"][-1]["name"]) == (False, "commit canvas")

    def test_the_explanation_adds_up(self, counted):
        found = counted(DIFFUSION, "--context", "64", "--against", CAUSAL, "--explain")
        explanation, more = found["explanation"], found["depth"] - found["against"]["depth"]
        assert explanation["tree"]["gates"] == found["depth"]
        assert sum(step["times"] * step["gates"] for step in explanation["path"]) == found["depth"]
        assert sum(int(line.rpartition(" ")[2]) for line in explanation["flame"]) == found["depth"]
        assert sum(row["more"] for row in explanation["differences"]) == more


class TestText:
    """The same for a reader in a terminal."""

    def test_depths_and_ratio(self, command, counted):
        found = counted(DIFFUSION, "--against", CAUSAL, "--steps", "3")
        out = command("depth", DIFFUSION, "--against", CAUSAL, "--steps", "3")[1]
        assert out.splitlines()[0] == f"{DIFFUSION}: {found['depth']:,} gates (circuit)"
        assert "  at 256 positions in float32, cut at tokens" in out.splitlines()
        assert f"{DIFFUSION} is {found['ratio']:.4g} times as deep as {CAUSAL}" in out.splitlines()

    def test_the_tree_and_where_two_paths_differ(self, command):
        lines = command("depth", DIFFUSION, "--against", CAUSAL, "--context", "64", "--explain")[1].splitlines()
        heads = [line for line in lines if line.endswith(":")]
        assert heads == [
            f"critical path of {DIFFUSION}:",
            f"critical path of {CAUSAL}:",
            f"where the path of {DIFFUSION} differs from that of {CAUSAL} (difference, here, there):",
        ]
        differences = [int(line.split()[0].replace(",", "")) for line in lines[lines.index(heads[2]) + 1 :]]
        assert differences == sorted(differences, key=lambda more: -abs(more))

    def test_the_list_names_every_operation(self, command):
        out = command("depth", CAUSAL, "--context", "64", "--view", "list")[1]
        depth = opaque_depth(CAUSAL, context=64).depth
        assert sum(map(int, re.findall(r"^ +[\d,]+ +\+(\d+)  \S+  \S+$", out, re.MULTILINE))) == depth

    def test_flame_is_folded_stacks_and_nothing_else(self, command):
        lines = command("depth", CAUSAL, "--context", "64", "--view", "flame")[1].splitlines()
        assert all(re.fullmatch(r"forward(;[^;]+)+ \d+", line) for line in lines)
        assert sum(int(line.rpartition(" ")[2]) for line in lines) == opaque_depth(CAUSAL, context=64).depth

    def test_notes_say_what_was_left_out(self, command, tmp_path):
        (tmp_path / "config.json").write_text(
            '{"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": 50}'
        )
        out = command("depth", str(tmp_path), "--context", "8")[1]
        assert "note: no adapter family runs a t5 model: one forward pass is counted, and nothing between passes" in out


def test_nothing_is_fetched(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert command("depth", "gpt2", "--context", "8")[0] == 0


class TestMistakes:
    """One clear line, exit code 2, no traceback."""

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "the following arguments are required: MODEL; see `monitorbench depth --help`"),
            (
                [CAUSAL, "--context", "0"],
                "argument --context: 0 does not lie between 1 and 67,108,864; see `monitorbench depth --help`",
            ),
            (
                [CAUSAL, "--context", "-5"],
                "argument --context: -5 does not lie between 1 and 67,108,864; see `monitorbench depth --help`",
            ),
            (
                [CAUSAL, "--context", "1e6"],
                "argument --context: '1e6' is not a whole number; see `monitorbench depth --help`",
            ),
            (
                [CAUSAL, "--context", "99999999999"],
                "argument --context: 99,999,999,999 does not lie between 1 and 67,108,864; see `monitorbench depth --help`",
            ),
            (
                [DIFFUSION, "--steps", "0"],
                "argument --steps: 0 does not lie between 1 and 1,000,000; see `monitorbench depth --help`",
            ),
            ([CAUSAL, "--steps", "3"], "zoo:ar-chain: nothing in it repeats; leave out the steps"),
            ([CAUSAL, "--canvas", "3"], "zoo:ar-chain: there is no canvas to give a length; leave out the canvas"),
            ([CAUSAL, "--convention", "circiut"], "--convention cannot be 'circiut'; did you mean `circuit`?"),
            (
                [CAUSAL, "--interpretable", "state"],
                "zoo:ar-chain: there is no channel 'state'; leave it out: it has none",
            ),
            (
                [DIFFUSION, "--interpretable", "conditioning"],
                "zoo:diffusion-chain: there is no channel 'conditioning'; did you mean `self_conditioning`?",
            ),
            (
                [DIFFUSION, "--context", "10"],
                "a context of 10 positions leaves no room for a prompt beside the canvas of 18; raise context_length above 18",
            ),
            (
                ["gemma-3-1"],
                "no preset, file or folder is called 'gemma-3-1', and nothing is fetched; did you mean `gemma-3-1b` or `gemma-3-12b` or `gemma-3-4b`?",
            ),
            ([CAUSAL, "--against", "zoo:ar"], "no reference checkpoint is called 'ar'; did you mean `zoo:ar-chain`?"),
            ([CAUSAL, "--no-cut", "kv"], "--no-cut cannot be 'kv'; known: `tokens`"),
        ],
    )
    def test_a_wrong_command_line_is_refused_in_one_line(
        self, words: list[str], message: str, command: Command
    ) -> None:
        code, out, err = command("depth", *words)
        errors = [line for line in err.splitlines() if not line.startswith(("building ", "tracing "))]
        assert (code, out, errors) == (2, "", [f"error: {message}"])

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            (VISION, "is a vit model, which writes no text; name a language model"),
            (
                '{"model_type": "latent", "auto_map": {"AutoConfig": "c.C"}}',
                "is a latent model, which only code that lies beside it can run; read that code, then allow it with --trust-remote-code",
            ),
            ("{}", "says no model_type; name the config.json of a transformers model"),
        ],
    )
    def test_a_configuration_that_cannot_be_used(
        self, config: str, message: str, command: Command, tmp_path: Path
    ) -> None:
        (tmp_path / "config.json").write_text(config)
        code, out, err = command("depth", str(tmp_path))
        assert (code, out, err.splitlines()[-1]) == (2, "", f"error: {tmp_path}: {message}")
        assert "Traceback" not in err
