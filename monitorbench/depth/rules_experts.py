"""Experts that find their tokens by value, as functions: each token selects the matrices of its experts.

Most families of transformers let experts be reached in several ways, of which tracing takes one that depends on shapes
alone (see `dispatch`). Those below have only a loop over the experts that were hit, or sizes of groups read by value.
Shape legend: B rows, P places, N tokens, K experts of a token, E experts, D and F features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from monitorbench.depth.module_rules import module_rule


def _chosen(matrices_EFD: Tensor, experts_NK: Tensor, x_NKD: Tensor) -> Tensor:
    """Each token with the matrix of each of its experts, (N, K, F); the tokens may have one row for all experts."""
    return (matrices_EFD[experts_NK] @ x_NKD[..., None]).squeeze(-1)


def _weighted(y_NKD: Tensor, weights_NK: Tensor, like: Tensor) -> Tensor:
    return (y_NKD * weights_NK[..., None]).sum(1).to(like.dtype).reshape(like.shape)


@module_rule("transformers.models.longcat_flash.modeling_longcat_flash:LongcatFlashExperts")
def longcat_experts(layer: Any, x_ND: Tensor, experts_NK: Tensor, weights_NK: Tensor) -> Tensor:
    """LongCat-Flash (arXiv 2509.01322): gated experts, and some that put out what they take in."""
    real, y_NKD = layer.num_routed_experts, x_ND[:, None].expand(*experts_NK.shape, -1)
    if real:
        gate, up = _chosen(layer.gate_up_proj, experts_NK, x_ND[:, None]).chunk(2, -1)
        computed_NKD = _chosen(layer.down_proj, experts_NK.clamp(max=real - 1), layer.act_fn(gate) * up)
        y_NKD = torch.where((experts_NK < real)[..., None], computed_NKD, y_NKD)
    return _weighted(y_NKD, weights_NK, x_ND)


@module_rule("transformers.models.step3p7.modeling_step3p7:Step3p7Experts")
def step_experts(layer: Any, x_ND: Tensor, experts_NK: Tensor, weights_NK: Tensor) -> Tensor:
    """Step 3.7: gated experts with bounds."""
    gated_NKF = layer._apply_gate(_chosen(layer.gate_up_proj, experts_NK, x_ND[:, None]))
    return _weighted(_chosen(layer.down_proj, experts_NK, gated_NKF), weights_NK, x_ND)


@module_rule("transformers.models.dbrx.modeling_dbrx:DbrxExperts")
def dbrx_experts(layer: Any, x_BPD: Tensor, experts_NK: Tensor, weights_NK: Tensor) -> Tensor:
    """DBRX: gated experts, whose matrices lie one below the other."""
    w1, v1, w2 = (
        getattr(layer.mlp, name).view(-1, layer.ffn_hidden_size, layer.hidden_size) for name in ("w1", "v1", "w2")
    )
    x_N1D = x_BPD.reshape(-1, 1, layer.hidden_size)
    gated_NKF = layer.mlp.activation_fn(_chosen(w1, experts_NK, x_N1D)) * _chosen(v1, experts_NK, x_N1D)
    return _weighted(_chosen(w2.transpose(1, 2), experts_NK, gated_NKF), weights_NK, x_BPD)


def _jetmoe_route(router: Any, x_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    logits_NE = router.layer(x_ND).float()
    top_NK, experts_NK = logits_NE.topk(router.top_k, dim=1)
    return experts_NK, top_NK.softmax(1).type_as(x_ND), logits_NE


_JETMOE = "transformers.models.jetmoe.modeling_jetmoe:"


@module_rule(_JETMOE + "JetMoeMoE")
def jetmoe_experts(layer: Any, x_BPD: Tensor) -> Tensor:
    """JetMoE (arXiv 2404.07413): gated experts."""
    x_ND = x_BPD.flatten(0, 1)
    experts_NK, weights_NK, _ = _jetmoe_route(layer.router, x_ND)
    gate, up = _chosen(layer.input_linear.weight, experts_NK, x_ND[:, None]).chunk(2, -1)
    y_NKD = _chosen(layer.output_linear.weight, experts_NK, layer.activation(gate) * up)
    bias_D: Tensor = layer.bias
    return _weighted(y_NKD, weights_NK, x_BPD) + bias_D


@module_rule(_JETMOE + "JetMoeMoA.map")
def jetmoe_queries(layer: Any, x_BPD: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """JetMoE's attention: each expert has its own projection to queries."""
    x_ND = x_BPD.flatten(0, 1)
    experts_NK, weights_NK, logits_NE = _jetmoe_route(layer.router, x_ND)
    q_NKF = _chosen(layer.input_linear.weight, experts_NK, x_ND[:, None])
    return q_NKF.reshape(*x_BPD.shape[:2], *q_NKF.shape[1:]), logits_NE, (experts_NK, weights_NK)


@module_rule(_JETMOE + "JetMoeMoA.reduce")
def jetmoe_output(layer: Any, x_BPKF: Tensor, chosen: tuple[Tensor, Tensor]) -> Tensor:
    """JetMoE's attention: each expert has its own projection of what was read."""
    experts_NK, weights_NK = chosen
    y_NKD = _chosen(layer.output_linear.weight, experts_NK, x_BPKF.flatten(0, 1))
    y_ND = (y_NKD * weights_NK[..., None]).sum(1)
    bias_D: Tensor = layer.bias
    return y_ND.reshape(*x_BPKF.shape[:2], -1) + bias_D
