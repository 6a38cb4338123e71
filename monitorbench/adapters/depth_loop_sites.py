"""Where a model loops: which modules run several times in one forward pass, and the states that they leave.

Shape suffixes: B rows, P positions of one forward pass, d width of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Channel
from monitorbench.adapters.modules import final_norm, submodule
from monitorbench.adapters.settings import require, require_whole
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

Z_H = Channel(name="z_H", axis="loop", kind="vector", exact=False)
Z_L = Channel(name="z_L", axis="loop", kind="vector", exact=False)
LOOP_STATE = Channel(name="loop_state", axis="loop", kind="vector", exact=False)
SETTINGS = ("site", "calls")


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A module whose output is what a channel carries.

    Attributes:
        channel: the channel.
        path: where the module is in the model.
        module: the module; it puts out the state, (B, P, d), or a tuple that begins with it.
        calls: how often it runs in one forward pass, 2 or more.
    """

    channel: Channel
    path: str
    module: nn.Module
    calls: int

    def require_calls(self, seen: int) -> None:
        """Refuse a forward pass in which the module did not run as often as it should.

        Raises:
            UsageError: saying how often it ran.
        """
        if seen == self.calls:
            return
        times = "once" if seen == 1 else f"{seen} times"
        raise UsageError(
            f"the module {self.path} ran {times} in a forward pass, not {self.calls} times"
            + (": nothing loops there" if seen < 2 else ""),
            fix=f"set calls to {seen} in sampling.sampler" if seen > 1 else "name a module that runs several times",
        )

    def state(self, output: Any, width: int) -> Tensor:
        """The (B, P, d) state in an output of the module.

        Args:
            output: what the module returned.
            width: d.

        Raises:
            UsageError: there is none in it.
        """
        import torch

        state = output[0] if isinstance(output, tuple) and output else output
        if not isinstance(state, torch.Tensor) or state.ndim != 3 or state.shape[-1] != width:
            raise UsageError(
                f"the module {self.path} puts out no vector of {width} numbers for every position",
                fix="name a block of the model in sampling.sampler.site",
            )
        return state


def replaced(output: Any, state_BPd: Tensor) -> Any:
    """An output of a site with another state in it."""
    return (state_BPd, *output[1:]) if isinstance(output, tuple) else state_BPd


def sites(model: Any, sampler: Mapping[str, Any]) -> tuple[Site, ...]:
    """Where a model loops, by what the suite says; HRM-Text says it itself.

    Raises:
        UsageError: nothing says where, the module is not there, or it cannot be read there.
    """
    path, calls = sampler.get("site"), sampler.get("calls")
    if path is None and calls is None and model.config.model_type == "hrm_text":
        high, low = model.config.H_cycles, model.config.L_cycles
        return (
            Site(channel=Z_H, path="model.H_module", module=model.model.H_module, calls=high),
            Site(channel=Z_L, path="model.L_module", module=model.model.L_module, calls=high * low),
        )
    if path is None or calls is None:
        raise UsageError(
            "the suite does not say which module of the model runs several times, and how often",
            fix="set site and calls in sampling.sampler",
        )
    require(isinstance(path, str), "site", path, "the path of a module, as text")
    module = submodule(model, path, setting="site", use="to watch in a loop")
    if module is final_norm(model):
        raise UsageError(
            f"the module {path} is the norm before the output head, through which states are read",
            fix="name the block before it in sampling.sampler.site",
        )
    require_whole("calls", calls, 2)
    return (Site(channel=LOOP_STATE, path=path, module=module, calls=calls),)
