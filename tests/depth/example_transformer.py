"""The example transformer of the public JAX tool (examples/moe.py), operation by operation, in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def norm(width: int) -> nn.Module:
    return nn.RMSNorm(width, eps=1e-6)


def softmax(x: Tensor) -> Tensor:
    """As the JAX library writes it: with a guard on the maximum, which torch does not have."""
    largest = torch.maximum(x.amax(-1, keepdim=True), torch.tensor(-torch.inf))
    powers = torch.exp(x - largest)
    return powers / powers.sum(-1, keepdim=True)


def rotate(x_BTHd: Tensor) -> Tensor:
    """Rotary position embedding of even and odd places."""
    length, width = x_BTHd.shape[1], x_BTHd.shape[-1]
    angle_T1e = torch.arange(length)[:, None, None] * 10_000 ** -(torch.arange(0, width, 2) / width)
    cos, sin = angle_T1e.cos(), angle_T1e.sin()
    even, odd = x_BTHd[..., ::2], x_BTHd[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(hidden, hidden) for _ in range(4))

    def forward(self, x_BTD: Tensor) -> Tensor:
        q_BTHd, k_BTHd, v_BTHd = (part(x_BTD).unflatten(-1, (self.heads, -1)) for part in (self.q, self.k, self.v))
        q_BTHd, k_BTHd = rotate(q_BTHd), rotate(k_BTHd)
        scores_BHTS = torch.einsum("bthd,bshd->bhts", q_BTHd, k_BTHd) / q_BTHd.shape[-1] ** 0.5
        return self.o(torch.einsum("bhts,bshd->bthd", softmax(scores_BHTS), v_BTHd).flatten(-2))


class Gated(nn.Module):
    """A feed-forward layer with a SiLU gate."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gate, self.up = (nn.Linear(hidden, 4 * hidden) for _ in range(2))
        self.down = nn.Linear(4 * hidden, hidden)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return self.down(nn.functional.silu(self.gate(x_BTD)) * self.up(x_BTD))


class Experts(nn.Module):
    """Every expert runs; the k that the router prefers are weighted and summed."""

    def __init__(self, hidden: int, experts: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.router = nn.Linear(hidden, experts)
        self.experts = nn.ModuleList(Gated(hidden) for _ in range(experts))

    def forward(self, x_BTD: Tensor) -> Tensor:
        best, chosen_BTk = self.router(x_BTD).topk(self.k)
        one_hot_BTkE = (chosen_BTk[..., None] == torch.arange(len(self.experts))).float()
        weights_BTE = (one_hot_BTkE * softmax(best)[..., None]).sum(-2)
        outputs_BTED = torch.stack([expert(x_BTD) for expert in self.experts], -2)
        return torch.einsum("bte,bted->btd", weights_BTE, outputs_BTED)


class Block(nn.Module):
    def __init__(self, hidden: int, heads: int, experts: int, k: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(norm(hidden), Attention(hidden, heads))
        self.mixing = nn.Sequential(norm(hidden), Experts(hidden, experts, k) if experts else Gated(hidden))

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = x_BTD + self.attention(x_BTD)
        return x_BTD + self.mixing(x_BTD)


class ExampleTransformer(nn.Module):
    """Tokens (B, T) to logits (B, T, V); dense where there are no experts."""

    def __init__(self, *, experts: int = 0, k: int = 0, hidden: int = 64, heads: int = 16, layers: int = 2) -> None:
        super().__init__()
        self.vocab = 100
        self.embed = nn.Embedding(self.vocab, hidden)
        self.layers = nn.ModuleList(Block(hidden, heads, experts, k) for _ in range(layers))
        self.head = nn.Sequential(norm(hidden), nn.Linear(hidden, self.vocab))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        tokens_BT = torch.where(
            tokens_BT < 0, tokens_BT + self.vocab, tokens_BT
        )  # JAX counts negative ones from the end
        x_BTD = self.embed(tokens_BT)
        for layer in self.layers:
            x_BTD = layer(x_BTD)
        return self.head(x_BTD)
