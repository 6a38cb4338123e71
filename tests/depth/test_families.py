"""Every model class of the installed transformers that generates text can be traced, or stands in a table with why not.

A class that a newer transformers brings is taken up by itself. When it fails here, it wants one of: a rule for an
operation, a rule for a module, a line in one of the tables of `families`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import families
import pytest
import torch
from torch import nn

from monitorbench.depth import opaque_depth, rules_experts, trace_segment
from monitorbench.depth.dispatch import two_sort_dispatch
from monitorbench.errors import UnknownOperationError

CONTEXT = 12
FAMILIES = families.families()
TRACED = [name for name in FAMILIES if name not in {**families.NEEDS_MORE_THAN_TEXT, **families.EXCEPTIONS}]

VARIED = {
    "BartForConditionalGeneration", "BloomForCausalLM", "DeepseekV3ForCausalLM", "GPT2LMHeadModel", "GptOssForCausalLM",
    "LlamaForCausalLM", "MambaForCausalLM", "Qwen2_5_VLForConditionalGeneration", "Qwen3NextForCausalLM",
    "T5ForConditionalGeneration",
}  # fmt: skip
"""Families that are always traced as programs, too; the others when asked for: pytest -m sweep."""


def build(family: str) -> nn.Module:
    try:
        return families.build(family)
    except ImportError as missing:
        return pytest.skip(f"{family} needs a library that is not installed: {str(missing).split()[0]} ...")
    except Exception as error:
        message = f"{family} cannot be built: {error}. Give its configuration what it lacks in families.TWEAKS"
        raise AssertionError(message) from error


def depth(family: str, model: Any, convention: str) -> int:
    try:
        return trace_segment(families.segment(family, model, CONTEXT), convention).depth
    except UnknownOperationError as error:
        message = f"{family} in `{convention}`: {error}. Register a rule, or say in families.EXCEPTIONS why none can be"
        raise AssertionError(message) from error


@pytest.mark.parametrize("family", TRACED)
def test_family_traces_as_a_function(family):
    assert depth(family, build(family), "circuit") > 0


@pytest.mark.parametrize(
    "family",
    [
        name if name in VARIED else pytest.param(name, marks=pytest.mark.sweep)
        for name in TRACED
        if name not in families.PROGRAM_EXCEPTIONS
    ],
)
def test_family_traces_as_a_program(family):
    assert depth(family, build(family), "implemented") > 0


def test_transformers_lists_the_families_that_we_know_of():
    known = {"LlamaForCausalLM", "MambaForCausalLM", "T5ForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"}
    assert known < set(FAMILIES)
    assert "LlavaForConditionalGeneration" not in FAMILIES  # its text model is any other family


def test_every_table_is_about_families_that_exist():
    tables = (families.TWEAKS, families.MORE_INPUTS, families.NEEDS_MORE_THAN_TEXT, families.EXCEPTIONS)
    named = {name for table in (*tables, families.PROGRAM_EXCEPTIONS) for name in table}
    assert named <= set(FAMILIES)


def test_at_least_95_of_100_families_that_build_are_traced():
    generate = set(FAMILIES) - set(families.NEEDS_MORE_THAN_TEXT)
    assert len(families.EXCEPTIONS) <= 0.05 * len(generate)
    assert len(families.EXCEPTIONS) + len(families.PROGRAM_EXCEPTIONS) <= 0.05 * len(generate) + 1


@pytest.mark.parametrize("family", families.EXCEPTIONS)
def test_exception_is_still_one(family):
    """And what it reads is named."""
    with pytest.raises(UnknownOperationError, match="reads the value of a tensor"):
        trace_segment(families.segment(family, build(family), CONTEXT))


@pytest.mark.parametrize("family", families.PROGRAM_EXCEPTIONS)
def test_program_that_reads_values_is_still_refused(family):
    with pytest.raises(UnknownOperationError, match="reads the value of a tensor"):
        trace_segment(families.segment(family, build(family), CONTEXT), "implemented")


class TestExperts:
    """Families whose experts find their tokens by value, counted by the selection that this is."""

    @pytest.fixture(autouse=True)
    def seed(self):
        torch.manual_seed(0)

    def drawn(self, module: nn.Module) -> nn.Module:
        for parameter in module.parameters():
            nn.init.normal_(parameter)
        return module

    def choices(self, experts: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.randn(6, 4), torch.stack([torch.randperm(experts)[:2] for _ in range(6)]), torch.rand(6, 2)

    def test_longcat_with_experts_that_put_out_what_they_take_in(self):
        from transformers import LongcatFlashConfig
        from transformers.models.longcat_flash.modeling_longcat_flash import LongcatFlashExperts

        config = LongcatFlashConfig(hidden_size=4, expert_ffn_hidden_size=3, n_routed_experts=4, zero_expert_num=2)
        layer, given = self.drawn(LongcatFlashExperts(config)), self.choices(6)
        torch.testing.assert_close(rules_experts.longcat_experts(layer, *given), layer(*given))

    def test_step(self):
        from transformers.models.step3p7.modeling_step3p7 import Step3p7Experts

        config = SimpleNamespace(num_local_experts=4, hidden_size=4, moe_intermediate_size=3, hidden_act="silu")
        layer, given = self.drawn(Step3p7Experts(config, swiglu_limit=1.0)), self.choices(4)
        torch.testing.assert_close(rules_experts.step_experts(layer, *given), layer(*given))

    def test_dbrx(self):
        from transformers.models.dbrx.modeling_dbrx import DbrxExperts

        config = SimpleNamespace(moe_num_experts=4, hidden_size=4, ffn_hidden_size=3, ffn_act_fn={"name": "silu"})
        layer, (x, experts, weights) = self.drawn(DbrxExperts(config)), self.choices(4)
        given = x.view(2, 3, 4), experts, weights
        torch.testing.assert_close(rules_experts.dbrx_experts(layer, *given), layer(*given))

    def test_jetmoe(self):
        from transformers import JetMoeConfig
        from transformers.models.jetmoe.modeling_jetmoe import JetMoeMoA, JetMoeMoE

        config = JetMoeConfig(
            hidden_size=4, intermediate_size=3, num_local_experts=4, num_experts_per_tok=2, kv_channels=6,
            num_key_value_heads=1,
        )  # fmt: skip
        x = torch.randn(2, 3, 4)
        layer = self.drawn(JetMoeMoE(config))
        torch.testing.assert_close(rules_experts.jetmoe_experts(layer, x), layer(x))
        layer = self.drawn(JetMoeMoA(config))
        q, logits, chosen = rules_experts.jetmoe_queries(layer, x)
        q_before, logits_before, chosen_before = layer.map(x)
        torch.testing.assert_close((q, logits), (q_before, logits_before))
        torch.testing.assert_close(rules_experts.jetmoe_output(layer, q, chosen), layer.reduce(q, chosen_before))


class TestDispatch:
    """Tokens reach their experts by one sort, or by two as in published figures."""

    def trace(self, family: str, context: int) -> tuple[int, int, int]:
        model = families.build(family)
        segment = families.segment(family, model, context)
        one, function = (trace_segment(segment, convention).depth for convention in ("implemented", "circuit"))
        with two_sort_dispatch():
            two = trace_segment(segment, "implemented").depth
            assert trace_segment(segment).depth == function
        assert trace_segment(segment, "implemented").depth == one
        return one, two, function

    def test_two_sorts_grow_twice_as_fast_and_the_function_not_at_all(self):
        (one, two, function), (one_long, two_long, function_long) = (
            self.trace("MixtralForCausalLM", context) for context in (2048, 4096)
        )
        sort, sort_long = (m * (m + 1) // 2 for m in (12, 13))  # lg of tokens x 2 choices
        # three logarithms of the context are in the one layer's attention, one more counts the tokens of each expert
        assert one_long - one == 3 + 1 + (sort_long - sort)
        assert two_long - two == 3 + 2 * (sort_long - sort)
        assert function_long - function == 2

    def test_gemma_4_chooses_by_logits_where_published_figures_do(self):
        family = "DiffusionGemmaForBlockDiffusion"
        segment = families.segment(family, families.build(family), 2048)
        (one,) = opaque_depth([segment], convention="implemented").path
        with two_sort_dispatch():
            (two,) = opaque_depth([segment], convention="implemented").path
        for step, sorts, softmaxes in ((one, 1, 1), (two, 2, 0)):
            routed = [op.operation for op in step.operations if "layers.0.router" in op.module]
            dispatched = [op.operation for op in step.operations if "layers.0.experts" in op.module]
            assert (dispatched.count("sort"), routed.count("_softmax")) == (sorts, softmaxes)
