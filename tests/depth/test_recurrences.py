"""Linear recurrences: the scan that they are as a function, the loop that they are as a program, and both agree."""

from __future__ import annotations

import functools
import importlib

import pytest
import torch
from torch import nn

from monitorbench.depth import lg, opaque_depth, rules_recurrence, trace_function
from monitorbench.depth.recurrence import linear_recurrence, matrix_recurrence

X = torch.zeros


def modeling(name: str):
    return importlib.import_module(f"transformers.models.{name}.modeling_{name}")


class TestLinearRecurrence:
    """h_t = a_t h_(t-1) + b_t."""

    @pytest.mark.parametrize(("n", "gates"), [(1, 0), (2, 2), (3, 4), (4, 4), (5, 6), (1024, 20)])
    def test_scan_takes_a_product_and_a_sum_at_each_level(self, n, gates):
        assert trace_function(linear_recurrence, X(1, n, 3), X(1, n, 3)) == (gates,)

    @pytest.mark.parametrize(("n", "gates"), [(1, 2), (3, 4), (1024, 22)])
    def test_initial_state_is_one_step_more(self, n, gates):
        assert trace_function(linear_recurrence, X(1, n, 3), X(1, n, 3), X(1, 3)) == (gates,)

    def test_loop_takes_two_gates_a_step(self):
        def loop(drive, decay):
            state = X(1, 3)
            for p in range(64):
                state = decay[:, p] * state + drive[:, p]
            return state

        assert trace_function(loop, X(1, 64, 3), X(1, 64, 3), convention="implemented") == (2 * 64,)

    def test_decay_known_beforehand_makes_each_state_a_contraction(self):
        decay = X(1, 1, 3)
        assert trace_function(lambda drive: linear_recurrence(drive, decay), X(1, 1024, 3)) == (10 + 1,)

    @pytest.mark.parametrize("k", [1, 4, 64])
    def test_matrices_are_contracted_at_each_level(self, k):
        gates = lg(16) * (lg(k) + 1 + 1)
        assert trace_function(matrix_recurrence, X(1, 16, k, 5), X(1, 16, k, k)) == (gates,)

    def test_values_are_those_of_the_recurrence(self):
        drive, decay = torch.tensor([[1.0, 2.0, 3.0]])[..., None], torch.tensor([[0.5, 0.5, 2.0]])[..., None]
        assert linear_recurrence(drive, decay).squeeze().tolist() == [1.0, 2.5, 8.0]
        assert linear_recurrence(drive, decay, torch.tensor([[2.0]])).squeeze().tolist() == [2.0, 3.0, 9.0]
        half = torch.tensor([[[0.5]]])
        assert linear_recurrence(drive, half).squeeze().tolist() == [1.0, 2.5, 4.25]
        turn = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]).expand(1, 3, 2, 2)
        states = matrix_recurrence(torch.tensor([[[[1.0], [0.0]]]]).expand(1, 3, 2, 1), turn)
        assert states.squeeze().tolist() == [[1.0, 0.0], [1.0, 1.0], [2.0, 1.0]]


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


def mamba():
    inputs = (randn(2, 4, 9), randn(2, 4, 9), -randn(4, 3).exp(), randn(2, 3, 9), randn(2, 3, 9))
    options = {"D": randn(4), "z": randn(2, 4, 9), "delta_bias": randn(4), "delta_softplus": True}
    return inputs, {**options, "return_last_state": True}


def mamba2(initial: bool = False):
    inputs = (randn(2, 9, 4, 5), randn(2, 9, 4), -randn(4).exp(), randn(2, 9, 2, 3), randn(2, 9, 2, 3))
    states = {"initial_states": randn(2, 4, 5, 3)} if initial else {}
    return inputs, {
        "chunk_size": 4,
        "D": randn(4),
        "dt_bias": randn(4),
        "dt_softplus": True,
        "return_final_states": True,
        **states,
    }


def delta(heads: int = 2, rows: int | None = None, initial: bool = False):
    g = -randn(2, 9, 4, *([rows] if rows else [])).exp()
    inputs = (randn(2, 9, heads, 5), randn(2, 9, heads, 5), randn(2, 9, 4, 3))
    states = {"initial_state": randn(2, 4, 5, 3)} if initial else {}
    options = {"g": g, "beta": torch.rand(2, 9, 4), "output_final_state": True, "use_qk_l2norm_in_kernel": True}
    return inputs, {**options, "chunk_size": 4, **states}


def rwkv(initial: bool = False):
    state = [randn(2, 4).exp(), randn(2, 4).exp(), randn(2, 4)] if initial else None
    return (randn(4), randn(4), randn(2, 9, 4), randn(2, 9, 4)), {"state": state}


FUNCTIONS = {
    "mamba": ("mamba", "mamba_selective_scan", rules_recurrence.selective_scan, mamba),
    "mamba 2": ("mamba2", "mamba2_chunk_scan", rules_recurrence.chunk_scan, mamba2),
    "mamba 2 with a state": ("bamba", "mamba2_chunk_scan", rules_recurrence.chunk_scan, lambda: mamba2(True)),
    "gated delta": ("qwen3_next", "torch_chunk_gated_delta_rule", rules_recurrence.gated_delta, delta),
    "gated delta with a state": (
        "olmo_hybrid", "torch_chunk_gated_delta_rule", rules_recurrence.gated_delta, lambda: delta(initial=True)
    ),
    "kimi delta": (
        "kimi_linear", "chunk_kimi_delta_attention", rules_recurrence.gated_delta, lambda: delta(4, 5, initial=True)
    ),
    "rwkv": ("rwkv", "rwkv_linear_attention", rules_recurrence.rwkv, rwkv),
}  # fmt: skip


def unscaled(value):
    """RWKV scales both of its sums by a maximum that it carries along."""
    if isinstance(value, list):
        return [part * value[2].exp() for part in value[:2]]
    return value


@pytest.mark.parametrize("case", FUNCTIONS)
def test_stand_in_computes_what_the_layer_computes(case):
    family, name, program, draw = FUNCTIONS[case]
    torch.manual_seed(0)
    inputs, options = draw()
    original = getattr(modeling(family), name)(*inputs, **options)
    for ours, theirs in zip(program(*inputs, **options), original, strict=True):
        torch.testing.assert_close(unscaled(ours), unscaled(theirs), rtol=1e-4, atol=1e-4)


def test_rwkv_goes_on_from_a_state():
    torch.manual_seed(0)
    inputs, options = rwkv(initial=True)
    ours, theirs = rules_recurrence.rwkv(*inputs, **options), modeling("rwkv").rwkv_linear_attention(*inputs, **options)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(unscaled(a), unscaled(b))


def test_recurrent_gemma_computes_the_same_with_its_scan():
    torch.manual_seed(0)
    layer = modeling("recurrent_gemma").RecurrentGemmaRglru
    inputs = (randn(2, 9, 4), torch.rand(2, 9, 4), (torch.arange(9) % 4 == 0)[None, :, None].expand(2, 9, 1))
    for state in (None, randn(2, 4)):
        ours = rules_recurrence.rg_lru(None, *inputs, recurrent_states=state)
        torch.testing.assert_close(ours, layer._rnn_scan(None, *inputs, recurrent_states=state))


def test_minimax_computes_the_same_with_its_scan():
    from transformers import MiniMaxConfig

    torch.manual_seed(0)
    config = MiniMaxConfig(hidden_size=8, num_attention_heads=2, head_dim=4, num_hidden_layers=2, block_size=4)
    layer = modeling("minimax").MiniMaxLightningAttention(config, 0)
    inputs = (randn(2, 9, 8), None, None)
    torch.testing.assert_close(rules_recurrence.lightning_attention(layer, *inputs), layer(*inputs))


def test_xlstm_computes_the_same_with_its_scan():
    from transformers import xLSTMConfig

    torch.manual_seed(0)
    layer = modeling("xlstm").xLSTMBackend(xLSTMConfig(chunk_size=4, mode="inference", eps=1e-9))
    shapes = {"query": (3,), "key": (3,), "value": (5,), "igate": (), "fgate": ()}
    inputs = {name: randn(2, 2, 9, *shape) for name, shape in shapes.items()}
    before = {name: value[:, :, :4] for name, value in inputs.items()}
    after = {name: value[:, :, 4:] for name, value in inputs.items()}
    close = functools.partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)

    theirs, (c, n, m) = layer(**before)
    ours, (c_ours, n_ours, m_ours) = rules_recurrence.matrix_lstm(layer, **before)
    close(ours, theirs)
    theirs, (c, n, m) = layer(**after, c_initial=c, n_initial=n, m_initial=m)
    state = {"c_initial": c_ours, "n_initial": n_ours, "m_initial": m_ours}
    ours, (c_ours, n_ours, m_ours) = rules_recurrence.matrix_lstm(layer, **after, **state)
    close(ours, theirs)
    close(c_ours * m_ours.exp()[..., None], c * m.exp()[..., None])
    close(n_ours * m_ours.exp(), n * m.exp())


def small(family: str, **options) -> nn.Module:
    """Two recurrent layers of a family, without weights."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, vocab_size=64, **options)).eval()


def gates_of_recurrence(n: int, *, constant: bool = False, state: int | None = None) -> int:
    per_level = 2 if state is None else lg(state) + 2
    return min(per_level * lg(n), lg(n) + 1) if constant else per_level * lg(n)


LINEAR = ["linear_attention"] * 2
DELTA = {"hidden_size": 32, "layer_types": LINEAR, "linear_key_head_dim": 16, "linear_value_head_dim": 8}
RECURRENT = {
    "mamba": ({"num_hidden_layers": 2, "hidden_size": 32}, {}),
    "falcon_mamba": ({"num_hidden_layers": 2, "hidden_size": 32}, {}),
    "mamba2": ({"num_hidden_layers": 2, "hidden_size": 32, "num_heads": 4, "head_dim": 16, "n_groups": 1}, {}),
    "qwen3_next": ({**DELTA, "num_hidden_layers": 2}, {"state": 16}),
    "qwen3_5_text": ({**DELTA, "num_hidden_layers": 2}, {"state": 16}),
    "recurrent_gemma": ({"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "lru_width": 32}, {}),
    "rwkv": ({"num_hidden_layers": 2, "hidden_size": 32}, {"constant": True}),
    "minimax": (
        {"num_hidden_layers": 2, "hidden_size": 32, "layer_types": LINEAR, "num_local_experts": 4}, {"constant": True}
    ),
    "xlstm": ({"num_hidden_layers": 2, "hidden_size": 32, "num_heads": 2}, {}),
}  # fmt: skip


@pytest.mark.parametrize("family", RECURRENT)
def test_depth_of_a_recurrent_model_grows_with_the_logarithm_of_its_context(family, forward_segment):
    options, recurrence = RECURRENT[family]
    model = small(family, **options)
    depths = {n: opaque_depth([forward_segment(model, n)]).depth for n in (16, 64, 4096)}
    for n in (64, 4096):
        grown = gates_of_recurrence(n, **recurrence) - gates_of_recurrence(16, **recurrence)
        assert depths[n] - depths[16] == 2 * grown


@pytest.mark.parametrize("family", ["mamba", "recurrent_gemma"])
def test_as_a_program_it_grows_with_every_token(family, forward_segment):
    """The loop writes its states slice by slice: a count by tensor object would call it constant."""
    model = small(family, **RECURRENT[family][0])
    few, many = (opaque_depth([forward_segment(model, n)], convention="implemented").depth for n in (4, 64))
    assert many - few == 2 * 2 * (64 - 4)


def test_short_convolution_is_no_recurrence(forward_segment):
    options = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = small("lfm2", num_hidden_layers=2, layer_types=["conv", "conv"], **options)
    few, many = (opaque_depth([forward_segment(model, n)]).depth for n in (16, 4096))
    assert few == many
