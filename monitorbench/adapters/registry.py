"""Which adapter families there are. Importing this loads no model code."""

from __future__ import annotations

from monitorbench.registry import Registry

SAYS = ("family", "summary", "channels", "settings", "left_to_right")
DOES = (
    "claims",
    "load",
    "carries",
    "under",
    "extra_positions",
    "encode",
    "decode",
    "generate",
    "read",
    "write",
    "segments",
)

ADAPTERS = Registry(
    "adapter family",
    "monitorbench.adapters",
    {
        "autoregressive": "monitorbench.adapters.autoregressive:Autoregressive",
        "block-diffusion": "monitorbench.adapters.block_diffusion:BlockDiffusion",
        "depth-loop": "monitorbench.adapters.depth_loop:DepthLoop",
        "masked-diffusion": "monitorbench.adapters.masked_diffusion:MaskedDiffusion",
        "thought-loop": "monitorbench.adapters.thought_loop:ThoughtLoop",
    },
    needs=(*SAYS, *DOES),
)
