"""Layers of transformers that are linear recurrences, as functions: the scan instead of the loop or the chunks.

Each program stands in for the function of the same layer that runs the recurrence; projections, convolutions, gates and
norms around it are traced as they are. Stabilisers that a program carries along are left out, as the maximum of a
softmax is. The short convolutions of LFM2 are no recurrence and need no rule.
Shape legend: B rows, P places, D channels, H heads, N state size, K and V size of keys and of values of a head.
"""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from monitorbench.depth.module_rules import module_rule
from monitorbench.depth.recurrence import linear_recurrence, matrix_recurrence

_MODELS = "transformers.models.*.modeling_*:"
_NO_LIMIT = (0.0, float("inf"))

States: TypeAlias = tuple[Tensor, Tensor, Tensor]


@module_rule(_MODELS + "mamba_selective_scan")
def selective_scan(
    x_BDP: Tensor,
    dt_BDP: Tensor,
    A_DN: Tensor,
    B_BNP: Tensor,
    C_BNP: Tensor,
    *,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    **_: Any,
) -> Any:
    """Mamba (arXiv 2312.00752), also in Falcon Mamba, Jamba and Zamba: every channel has N decays that are computed."""
    dt_BDP = dt_BDP if delta_bias is None else dt_BDP + delta_bias[:, None]
    dt_BPD1 = (F.softplus(dt_BDP) if delta_softplus else dt_BDP).transpose(1, 2)[..., None]
    drive_BPDN = dt_BPD1 * B_BNP.transpose(1, 2)[:, :, None].float() * x_BDP.transpose(1, 2)[..., None].float()
    states_BPDN = linear_recurrence(drive_BPDN, torch.exp(dt_BPD1 * A_DN))
    y_BPD = (states_BPDN @ C_BNP.transpose(1, 2)[..., None].float()).squeeze(-1)
    y_BDP = y_BPD.to(x_BDP.dtype).transpose(1, 2)
    y_BDP = y_BDP if D is None else y_BDP + x_BDP * D[:, None]
    y_BDP = y_BDP if z is None else y_BDP * F.silu(z)
    return (y_BDP, states_BPDN[:, -1]) if return_last_state else y_BDP


@module_rule(_MODELS + "mamba2_chunk_scan")
def chunk_scan(
    x_BPHV: Tensor,
    dt_BPH: Tensor,
    A_H: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor | None = None,
    dt_bias: Tensor | None = None,
    initial_states: Tensor | None = None,
    dt_softplus: bool = False,
    dt_limit: tuple[float, float] = _NO_LIMIT,
    return_final_states: bool = False,
    **_: Any,
) -> Any:
    """Mamba 2 (arXiv 2405.21060), also in the hybrids that are built with it: one computed decay for each head."""
    dt_BPH = dt_BPH if dt_bias is None else dt_BPH + dt_bias
    dt_BPH = F.softplus(dt_BPH) if dt_softplus else dt_BPH
    dt_BPH = (dt_BPH if tuple(dt_limit) == _NO_LIMIT else dt_BPH.clamp(*dt_limit)).float()
    x_BPHV = x_BPHV.float()
    B_BPHN, C_BPHN = (part.float().repeat_interleave(x_BPHV.shape[2] // part.shape[2], dim=2) for part in (B, C))
    drive_BPHVN = (x_BPHV * dt_BPH[..., None])[..., None] * B_BPHN[..., None, :]
    states_BPHVN = linear_recurrence(drive_BPHVN, torch.exp(dt_BPH * A_H)[..., None, None], initial_states)
    y_BPHV = (states_BPHVN @ C_BPHN[..., None]).squeeze(-1)
    y_BPHV = y_BPHV if D is None else y_BPHV + x_BPHV * D[..., None]
    return (y_BPHV, states_BPHVN[:, -1]) if return_final_states else y_BPHV


@module_rule(_MODELS + "torch_chunk_gated_delta_rule", _MODELS + "chunk_kimi_delta_attention")
def gated_delta(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    g: Tensor,
    beta: Tensor,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    **_: Any,
) -> tuple[Tensor, Tensor | None]:
    """Gated delta rule (arXiv 2412.06464) and Kimi delta attention (arXiv 2510.26692).

    S_t = (I - beta k k^T) diag(exp g) S_(t-1) + beta k v^T, read by the query; g is one number a head, or one a row.
    """
    heads = value.shape[2] // key.shape[2]
    q_BPHK, k_BPHK = (part.float().repeat_interleave(heads, dim=2) for part in (query, key))
    if use_qk_l2norm_in_kernel:
        q_BPHK, k_BPHK = (part * torch.rsqrt((part * part).sum(-1, True) + 1e-6) for part in (q_BPHK, k_BPHK))
    decay_BPH1K = g.float().exp().reshape(*g.shape[:3], 1, -1)
    written_BPHK1 = (k_BPHK * beta.float()[..., None])[..., None]
    identity_KK = torch.eye(k_BPHK.shape[-1], device=k_BPHK.device)
    transition_BPHKK = (identity_KK - written_BPHK1 * k_BPHK[..., None, :]) * decay_BPH1K
    states_BPHKV = matrix_recurrence(written_BPHK1 * value.float()[..., None, :], transition_BPHKK, initial_state)
    read_BPH1K = (q_BPHK * q_BPHK.shape[-1] ** -0.5)[..., None, :]
    y_BPHV = (read_BPH1K @ states_BPHKV).squeeze(-2).to(query.dtype)
    return y_BPHV, states_BPHKV[:, -1] if output_final_state else None


@module_rule(_MODELS + "RecurrentGemmaRglru._rnn_scan")
def rg_lru(
    _layer: Any,
    hidden_states: Tensor,
    recurrent_gate: Tensor,
    reset: Tensor,
    recurrent_states: Tensor | None,
    acc_dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """RG-LRU (arXiv 2402.19427), (B, P, D): a computed decay for each channel, none where a document begins."""
    decay = torch.where(reset, 0.0, recurrent_gate.to(acc_dtype))
    states = linear_recurrence(hidden_states.to(acc_dtype), decay, recurrent_states)
    return states.to(hidden_states.dtype), states[:, -1]


@module_rule(_MODELS + "rwkv_linear_attention")
def rwkv(
    time_decay: Tensor,
    time_first: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    state: list[Tensor] | None = None,
    return_state: bool = False,
) -> tuple[Tensor, list[Tensor] | None]:
    """RWKV 4 (arXiv 2305.13048), (B, P, D): sums of exp(key) and of exp(key) value, with a decay known beforehand.

    The state's maximum, by which the program scales both sums, comes out as zero, and they come out unscaled.
    """
    weight, decay = key.float().exp(), torch.exp(-torch.exp(time_decay))[None, None]
    before = [torch.zeros_like(weight[:, 0])] * 2 if state is None else [part * state[2].exp() for part in state[:2]]
    initial = [None, None] if state is None else before
    sums = [linear_recurrence(x, decay, h) for x, h in zip((weight * value, weight), initial, strict=True)]
    old, old_weight = (torch.cat([b[:, None], s[:, :-1]], 1) for b, s in zip(before, sums, strict=True))
    now = torch.exp(time_first + key.float())
    y = ((old + now * value) / (old_weight + now)).to(key.dtype)
    last = [sums[0][:, -1], sums[1][:, -1], torch.zeros_like(weight[:, 0])]
    return y, last if return_state or state is not None else None


@module_rule(_MODELS + "MiniMaxLightningAttention")
def lightning_attention(
    layer: Any,
    hidden_states: Tensor,
    position_embeddings: Any,  # noqa: ARG001 - as the layer that it stands in for
    attention_mask: Tensor | None,
    past_key_values: Any = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """MiniMax (arXiv 2501.08313): S_t = decay S_(t-1) + k v^T with a decay known beforehand, read by the query."""
    B, P, _D = hidden_states.shape
    padding = vars(sys.modules[type(layer).__module__])["apply_mask_to_padding_states"]
    qkv = padding(layer.act_fn(layer.qkv_proj(hidden_states)), attention_mask)
    q, k, v = qkv.reshape(B, P, layer.num_attention_heads, 3 * layer.head_dim).split(layer.head_dim, dim=3)
    before = past_key_values.get_linear_cache(layer.layer_idx) if past_key_values is not None else None
    decay_HKV = torch.exp(-layer.slope_rate)[None, None]
    states_BPHKV = linear_recurrence(k[..., None] * v[..., None, :], decay_HKV, before)
    y = layer.norm((q[..., None, :] @ states_BPHKV).reshape(B, P, -1))
    y = layer.out_proj(torch.sigmoid(layer.output_gate(hidden_states)) * y)
    if past_key_values is not None:
        past_key_values.set_linear_cache(layer.layer_idx, states_BPHKV[:, -1])
    return y, states_BPHKV[:, -1]


@module_rule(_MODELS + "xLSTMBackend")
def matrix_lstm(
    layer: Any,
    *,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    igate: Tensor,
    fgate: Tensor,
    c_initial: Tensor | None = None,
    n_initial: Tensor | None = None,
    m_initial: Tensor | None = None,
    return_last_states: bool | None = None,
    mode: str | None = None,
) -> Tensor | tuple[Tensor, States]:
    """mLSTM (arXiv 2405.04517): a matrix of k v^T and a sum of k, both with one computed decay for each head.

    The states' maximum, by which the program scales both, comes out as zero, and they come out unscaled.
    """
    q_BPHK, k_BPHK, v_BPHV = (part.transpose(1, 2) for part in (query, key, value))
    decay_BPH1 = torch.sigmoid(fgate).transpose(1, 2)[..., None]
    written_BPHK = k_BPHK * igate.exp().transpose(1, 2)[..., None]
    scale = torch.zeros_like(igate[..., :1]) if m_initial is None else m_initial.exp()
    c_0, n_0 = (part if part is None else part * s for part, s in ((c_initial, scale[..., None]), (n_initial, scale)))
    c_BPHKV = linear_recurrence(written_BPHK[..., None] * v_BPHV[..., None, :], decay_BPH1[..., None], c_0)
    n_BPHK = linear_recurrence(written_BPHK, decay_BPH1, n_0)
    read_BPH1K = (q_BPHK * q_BPHK.shape[-1] ** -0.5)[..., None, :]
    norm_BPH1 = (read_BPH1K @ n_BPHK[..., None]).squeeze(-1).abs().clamp(min=1.0) + layer.config.eps
    y_BHPV = ((read_BPH1K @ c_BPHKV).squeeze(-2) / norm_BPH1).to(query.dtype).transpose(1, 2)
    keeps = "inference" in (mode or layer.config.mode) or (return_last_states or layer.config.return_last_states)
    return (y_BHPV, (c_BPHKV[:, -1], n_BPHK[:, -1], torch.zeros_like(scale))) if keeps else y_BHPV
