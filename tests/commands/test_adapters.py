"""`adapters check` tries the rules of the conformance kit on an adapter and a checkpoint."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.adapters.conformance import CHECKS

Command = Callable[..., tuple[int, str, str]]
RULES = [check.__name__.replace("_", " ") for check in CHECKS] + ["segments trace"]

BROKEN = """\
from monitorbench.adapters.autoregressive import Autoregressive


class Forgetful(Autoregressive):
    __slots__ = ()

    def encode(self, prompt):
        return super().encode(prompt)[1:]


class Loud(Autoregressive):
    __slots__ = ()

    def generate(self, prompts, seeds, hook, limits):
        print("generating")
        if hook is not None:
            raise KeyError("hooks")
        return super().generate(prompts, seeds, hook, limits)


class Unloadable(Autoregressive):
    @classmethod
    def load(cls, checkpoint, *, device, dtype):
        return 1 // 0


class Nothing:
    pass
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a module of adapters that are wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_adapters", raising=False)
    (tmp_path / "broken_adapters.py").write_text(BROKEN, encoding="utf-8")


def test_an_adapter_that_keeps_every_rule(command: Command, checkpoints: Path) -> None:
    words = ("autoregressive", "--model", str(checkpoints / "causal"), "--max-new-tokens", "3")
    code, out, _ = command("adapters", "check", *words)
    assert code == 0
    assert out.splitlines() == [
        *(f"kept    {rule}" for rule in RULES),
        f"{len(RULES)} of {len(RULES)} rules kept; channels: none",
    ]


def test_sampler_settings_and_prompts_can_be_given(command: Command, checkpoints: Path) -> None:
    words = ("--set", "thoughts=2", "--set", "mode=mixture", "--prompt", "ask a :", "ask b :", "--max-new-tokens", "2")
    code, out, _ = command("adapters", "check", "thought-loop", "--model", str(checkpoints / "causal"), *words)
    assert (code, out.splitlines()[-1]) == (0, f"{len(RULES)} of {len(RULES)} rules kept; channels: thought")


@pytest.mark.usefixtures("here")
def test_a_broken_rule_is_shown_with_what_was_seen(command: Command, checkpoints: Path) -> None:
    words = ("broken_adapters:Forgetful", "--model", str(checkpoints / "causal"), "--max-new-tokens", "2")
    code, out, _ = command("adapters", "check", *words, "--prompt", "ask a :", "ask b :")
    assert code == 1
    assert [line for line in out.splitlines() if not line.startswith("kept")] == [
        "broken  text comes back: 'ask a :' comes back as 'a :'; 'ask b :' comes back as 'b :'",
        f"{len(RULES) - 1} of {len(RULES)} rules kept; channels: none",
    ]


@pytest.mark.usefixtures("here")
def test_the_result_as_json_and_nothing_else_on_stdout(command: Command, checkpoints: Path) -> None:
    words = ("broken_adapters:Loud", "--model", str(checkpoints / "causal"), "--max-new-tokens", "2", "--json")
    code, out, _ = command("adapters", "check", *words)
    found = json.loads(out)
    assert code == 1
    assert {key: found[key] for key in ("adapter", "channels", "kept")} == {
        "adapter": "broken_adapters:Loud",
        "channels": [],
        "kept": False,
    }
    assert [rule["rule"] for rule in found["rules"]] == RULES
    (seen,) = next(rule["findings"] for rule in found["rules"] if rule["rule"] == "seeds repeat")
    assert seen == "raises KeyError: 'hooks' (broken_adapters.py:17)"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("autoregresive",), "error: no adapter family is called 'autoregresive'; did you mean 'autoregressive'?"),
        (("no_such_module:Adapter",), "error: the adapter family 'no_such_module:Adapter' cannot be imported: No module named 'no_such_module'; mend or install the package that it is in, or uninstall what registers it"),
        (("broken_adapters:Nothing",), "error: the adapter family 'broken_adapters:Nothing' has no family, summary, channels, settings, left_to_right, claims, load, carries, under, extra_positions, encode, decode, generate, read, write, segments; a class needs family, summary, channels, settings, left_to_right, claims, load, carries, under, extra_positions, encode, decode, generate, read, write, segments"),
        (("broken_adapters:Unloadable",), "error: the adapter broken_adapters:Unloadable cannot load: ZeroDivisionError: integer division or modulo by zero (broken_adapters.py:24); mend the adapter"),
        (("autoregressive", "--set", "tempreature=1"), "error: the adapter family autoregressive has no sampler setting 'tempreature'; use do_sample, temperature, top_k, top_p, min_p, repetition_penalty"),
        (("autoregressive", "--set", "temperature=hot"), "error: --set: temperature cannot be 'hot'; write a number, true or false"),
        (("depth-loop", "--set", "site=4", "--set", "calls=2"), "error: --set: site cannot be 4; write text"),
        (("depth-loop", "--set", "site=model.layers.0", "--set", "calls=2"), "error: the module model.layers.0 ran once in a forward pass, not 2 times: nothing loops there; name a module that runs several times"),
        (("thought-loop", "--set", "thoughts=245"), "error: a prompt and its text take 17 + 8 tokens and 245 further positions, the model holds 256; lower --max-new-tokens or use shorter prompts"),
        (("autoregressive", "--device", "gpu"), "error: there is no device 'gpu'; use auto, cpu, cuda or cuda:N"),
        (("autoregressive", "--set", "temperature"), "error: --set: 'temperature' is not a setting; write KEY=VALUE"),
        (("autoregressive", "--set", "temperature=[1]"), "error: --set: 'temperature=[1]' is not a setting; write KEY=VALUE"),
        (("autoregressive", "--prompt", "ask a :"), "error: --prompt: two different prompts are needed; give another"),
        (("autoregressive", "--prompt", "ask a :", "ask a : " * 9), "error: --prompt: the prompts run at 16 and 32 positions; use prompts of one length"),
        (("autoregressive", "--max-new-tokens", "250"), "error: a prompt and its text take 17 + 250 tokens, the model holds 256; lower --max-new-tokens or use shorter prompts"),
        (("autoregressive", "--max-new-tokens", "0"), "error: argument --max-new-tokens: 0 is not 1 or more; see `monitorbench adapters check --help`"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(words: tuple[str, ...], message: str, command: Command, checkpoints: Path) -> None:
    code, out, err = command("adapters", "check", *words, "--model", str(checkpoints / "causal"))
    assert (code, out, err.splitlines()[-1]) == (2, "", message)


def test_a_model_of_another_family(command: Command, checkpoints: Path) -> None:
    model = str(checkpoints / "causal")
    what = "is a gemma4_text model, which the adapter family block-diffusion does not run; the families are autoregressive, block-diffusion, depth-loop, masked-diffusion, thought-loop"
    assert command("adapters", "check", "block-diffusion", "--model", model) == (2, "", f"error: {model}: {what}\n")
