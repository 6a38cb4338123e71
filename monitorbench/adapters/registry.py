"""Which adapter families there are. Importing this loads no model code."""

from __future__ import annotations

from monitorbench.registry import Registry

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
)
