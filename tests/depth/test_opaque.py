"""Depth of segments and of models that are only named: what is cut, what is counted, what the result says."""

from __future__ import annotations

import json
import types
from dataclasses import replace

import pytest
import torch

from monitorbench.adapters.base import Segment
from monitorbench.depth import opaque_depth, trace
from monitorbench.errors import UsageError


def writing(steps: int) -> tuple[Segment, Segment]:
    """A step of 3 gates that redraws a canvas from itself, then 5 gates that take the canvas into a cache."""

    def step(values):
        return {"tokens.canvas": values["tokens.canvas"].tanh().exp().tanh()}

    def take_in(values):
        value = values["tokens.canvas"]
        for _ in range(5):
            value = value.tanh()
        return {"kv": value}

    return tuple(
        Segment(
            name=name,
            fn=fn,
            inputs=("tokens.canvas",),
            outputs=(output,),
            example=lambda: {"tokens.canvas": torch.zeros(4)},
            repeat=repeat,
        )
        for name, fn, output, repeat in (
            ("step", step, "tokens.canvas", (1, steps)),
            ("take in", take_in, "kv", (1, 1)),
        )
    )


class TestTokens:
    """Tokens are readable; only to repeat a published set-up do paths run on through them."""

    @pytest.mark.parametrize("steps", [1, 4, 1000])
    def test_each_step_starts_anew(self, steps):
        assert opaque_depth(writing(steps)).depth == 5

    @pytest.mark.parametrize("steps", [1, 4, 1000])
    def test_uncut_tokens_join_the_steps(self, steps):
        result = opaque_depth(writing(steps), cut_tokens=False)
        assert (result.depth, result.depth_at_fewest_repeats, result.tokens_cut) == (3 * steps + 5, 3 + 5, False)

    def test_the_unroll_is_the_same(self):
        step, take_in = writing(1)
        assert opaque_depth([step] * 7 + [take_in], cut_tokens=False).depth == 3 * 7 + 5

    def test_the_path_runs_through_them(self):
        path = opaque_depth(writing(4), cut_tokens=False).path
        assert [(part.segment, part.times, part.gates) for part in path] == [("step", 4, 3), ("take in", 1, 5)]

    def test_tokens_that_nothing_takes_in_end_a_path_either_way(self):
        step, _ = writing(1)
        step = replace(step, inputs=("tokens.read",), example=lambda: {"tokens.read": torch.zeros(4)})
        step = replace(step, fn=lambda values: {"tokens.canvas": values["tokens.read"].tanh()})
        assert opaque_depth([step] * 3, cut_tokens=False).depth == opaque_depth([step] * 3).depth == 1


class TestNamedModels:
    """A name gives the same as the segments of its adapter, and says what it was counted with."""

    def test_the_result_says_what_was_counted(self):
        result = opaque_depth("zoo:diffusion-chain", context=64, steps=5, interpretable=["self_conditioning"])
        said = (result.model, result.context, result.dtype, result.steps, result.interpretable, result.convention)
        assert said == ("zoo:diffusion-chain", 64, "float32", 5, ("self_conditioning",), "circuit")

    def test_what_the_caller_declares_is_said_to_be_declared(self):
        lengths = {"context": 64, "interpretable": ["self_conditioning"]}
        shown, nls = (opaque_depth("zoo:diffusion-chain", convention=c, **lengths).notes for c in ("circuit", "nls"))
        assert "self_conditioning: declared interpretable, not shown" in shown
        assert (
            "self_conditioning: declared interpretable, not shown, nor that no gradient was trained through it" in nls
        )

    def test_an_opaque_carry_adds_up_over_the_steps(self):
        opaque = [opaque_depth("zoo:diffusion-chain", context=64, steps=steps).depth for steps in (3, 4, 5)]
        cut = opaque_depth("zoo:diffusion-chain", context=64, steps=5, interpretable=["self_conditioning"])
        assert opaque[2] - opaque[1] == opaque[1] - opaque[0] > 0
        assert cut.depth < opaque[0]

    def test_the_published_set_up_joins_the_last_step_to_the_cache(self):
        joined = opaque_depth("zoo:diffusion-chain", context=64, interpretable=["self_conditioning"], cut_tokens=False)
        step, commit = joined.segments
        assert (step.segment, commit.segment) == ("denoising step", "commit canvas")
        assert max(step.gates, commit.gates) < joined.depth <= step.gates + commit.gates

    def test_only_the_program_has_casts(self):
        program = opaque_depth("zoo:diffusion-chain", context=64, convention="implemented", dtype="bfloat16")
        function = opaque_depth("zoo:diffusion-chain", context=64, dtype="bfloat16")
        assert (program.casts > 0, function.casts) == (True, 0)

    def test_type_does_not_matter_to_the_function(self):
        depths = {opaque_depth("zoo:diffusion-chain", context=64, dtype=d).depth for d in ("float32", "bfloat16")}
        assert len(depths) == 1

    def test_a_context_beyond_the_models_own_is_noted(self):
        within, beyond = (opaque_depth("zoo:ar-chain", context=context) for context in (256, 257))
        assert beyond.notes == (*within.notes, "a context of 257 positions is beyond the 256 that it was made for")

    def test_the_default_context_is_the_most_that_it_was_made_for(self):
        assert opaque_depth("zoo:ar-chain").context == 256


class TestRatios:
    """A ratio needs one convention and something to divide by."""

    def test_it_is_the_quotient_of_the_depths(self):
        result, baseline = opaque_depth(writing(2), cut_tokens=False), opaque_depth(writing(2))
        assert result.ratio(baseline) == 11 / 5

    def test_conventions_do_not_mix(self):
        circuit, implemented = (opaque_depth(writing(2), convention=c) for c in ("circuit", "implemented"))
        with pytest.raises(UsageError, match="counted as circuit to one counted as implemented; count both in one"):
            circuit.ratio(implemented)

    def test_nothing_is_divided_by_nothing(self):
        result = opaque_depth(writing(2))
        with pytest.raises(UsageError, match="no ratio to a depth of 0"):
            result.ratio(replace(result, depth=0))


class TestMistakes:
    """Segments settle what a name leaves open."""

    @pytest.mark.parametrize("name", ["context", "steps", "canvas"])
    def test_segments_take_no_lengths(self, name):
        with pytest.raises(UsageError, match=f"segments settle the {name} already"):
            opaque_depth(writing(2), **{name: 3})

    def test_a_context_without_room_for_a_prompt(self):
        with pytest.raises(UsageError, match="leaves no room for a prompt beside the canvas"):
            opaque_depth("zoo:diffusion-chain", context=8)

    def test_a_model_that_cannot_run_is_a_mistake(self, tmp_path):
        sizes = {"vocab_size": 50, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_inner": -3}
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", **sizes}))
        with pytest.raises(UsageError, match="no model can be built from its configuration"):
            opaque_depth(str(tmp_path), context=8)

    def test_a_forward_pass_that_breaks_down_is_a_mistake_of_the_configuration(self, monkeypatch):
        from transformers import GPT2Model

        def forward(*_: object, **__: object) -> None:
            torch.zeros(2) @ torch.zeros(3)

        monkeypatch.setattr(GPT2Model, "forward", forward)
        with pytest.raises(UsageError, match=r"gpt2: forward cannot run from the configuration alone: .*size"):
            opaque_depth("gpt2", context=8)

    def test_a_fault_of_the_tracer_does_not_look_like_one(self, monkeypatch):
        def broken(*_: object) -> int:
            return len(3)  # type: ignore[arg-type]  # it has to fail

        broken_here = types.FunctionType(broken.__code__, {**vars(trace), "len": len})
        monkeypatch.setattr(trace, "_require", broken_here)
        with pytest.raises(TypeError, match="has no len"):
            opaque_depth("gpt2", context=8)
