"""What names a model, and how it is built: from its configuration, without weights, with one clear error otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from torch._subclasses.fake_tensor import FakeTensor

from monitorbench.adapters.checkpoint import ZOO
from monitorbench.depth.sources import require_fit, usual_context, weightless
from monitorbench.errors import UsageError

LLAMA = {
    "model_type": "llama",
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": 50}
MAMBA = {"model_type": "mamba", "vocab_size": 50, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Writes a configuration into a folder of its own, and nothing else."""

    def save(config: object, name: str = "model") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        text = config if isinstance(config, str) else json.dumps(config)
        (folder / "config.json").write_text(text, encoding="utf-8")
        return folder

    return save


class TestNames:
    """A preset, a reference checkpoint, a folder, or a file; only the configuration is read."""

    def test_a_folder_needs_no_weights_and_no_tokenizer(self, saved):
        model = weightless(str(saved(LLAMA)))
        assert all(isinstance(parameter, FakeTensor) for parameter in model.model.parameters())

    def test_a_file_is_as_good_as_its_folder(self, saved):
        folder = saved(LLAMA)
        of_file, of_folder = weightless(str(folder / "config.json")), weightless(str(folder))
        assert of_file.model.config.to_dict() == of_folder.model.config.to_dict()

    def test_a_preset_comes_before_a_folder_of_its_name(self, saved, monkeypatch):
        monkeypatch.chdir(saved(LLAMA, "gpt2").parent)
        assert weightless("gpt2").model.config.model_type == "gpt2"
        assert weightless("./gpt2").model.config.model_type == "llama"

    def test_a_reference_checkpoint_takes_the_steps_that_were_saved_with_it(self):
        saved_steps = json.loads((ZOO / "diffusion-chain" / "generation_config.json").read_text())[
            "max_denoising_steps"
        ]
        encode, denoise = weightless("zoo:diffusion-chain").segments(context=64)
        assert (encode.repeat, denoise.repeat) == ((1, 1), (1, saved_steps))

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_the_type_is_the_one_asked_for(self, saved, dtype):
        model = weightless(str(saved({**LLAMA, "dtype": "float16"})), dtype=dtype)
        assert str(model.model.dtype) == f"torch.{dtype}"


class TestFamilies:
    """An adapter says what is generated; without one, a single forward pass stands for it, and a note says so."""

    def test_a_model_of_no_family_counts_one_forward_pass(self, saved):
        model = weightless(str(saved(T5)))
        (forward,) = model.segments(context=8)
        assert (model.adapter, forward.inputs) == (None, ("tokens", "tokens.written"))
        assert model.notes == (
            "no adapter family runs a t5 model: one forward pass is counted, and nothing between passes",
        )

    def test_a_state_along_the_text_is_noted(self, saved):
        (note,) = weightless(str(saved(MAMBA))).notes
        assert note.startswith("it carries a state along the text")

    def test_thoughts_leave_room_for_a_prompt_at_any_context_longer_than_they_are(self):
        model = weightless("zoo:thought-opaque")
        _, think, _ = model.segments(context=5)
        assert think.repeat == (3, 3)
        with pytest.raises(UsageError, match="no room for a prompt beside 3 thoughts"):
            model.segments(context=4)

    def test_steps_and_canvas_replace_those_of_the_configuration(self):
        model = weightless("zoo:diffusion-chain", canvas=5)
        _, denoise = model.segments(context=64, steps=3)
        assert denoise.repeat == (1, 3)
        assert denoise.example()["tokens.canvas"].shape == (1, 5)


class TestFit:
    """Models are compared at one context, and what fits none of them is refused."""

    def test_the_context_is_the_largest_that_all_were_made_for(self, saved):
        short, endless = weightless(str(saved(LLAMA, "short"))), weightless(str(saved(MAMBA, "endless")))
        assert usual_context([short, endless]) == 64
        assert usual_context([endless]) == 32_768

    def test_it_is_enough_that_one_of_two_models_takes_what_is_given(self, saved):
        models = [weightless(str(saved(LLAMA))), weightless("zoo:diffusion-chain")]
        require_fit(models, context=64, steps=3, canvas=4, interpretable=["self_conditioning"])

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"steps": 3}, "nothing in it repeats; leave out the steps"),
            ({"canvas": 3}, "there is no canvas to give a length; leave out the canvas"),
            ({"interpretable": ["state"]}, "there is no channel 'state'; leave it out: it has none"),
            ({"context": 0}, "the context must lie between 1 and 67,108,864, not 0"),
        ],
    )
    def test_what_fits_no_model_is_refused(self, saved, given, message):
        model = weightless(str(saved(LLAMA)))
        with pytest.raises(UsageError, match=message):
            require_fit([model], **{"context": 8, **given})

    def test_a_misspelled_channel_meets_the_nearest_one(self):
        with pytest.raises(
            UsageError, match="there is no channel 'self-conditioning'; did you mean `self_conditioning`"
        ):
            require_fit([weightless("zoo:diffusion-chain")], context=64, interpretable=["self-conditioning"])


class TestMistakes:
    """One line: what, where, what to do."""

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"model_type": "vit"}, "is a vit model, which writes no text"),
            (
                {"model_type": "gemma33"},
                "is a gemma33 model, which transformers .* does not know; did you mean `gemma3`",
            ),
            ({"hidden_size": 4}, "says no model_type"),
            ([], "says no model_type"),
            ('{"model_type":', "is no JSON"),
            ({**LLAMA, "hidden_size": "wide"}, "its configuration cannot be used: .*expected int, got str"),
            ({**LLAMA, "hidden_size": 15}, "its configuration cannot be used: .*not a multiple"),
            ({**LLAMA, "hidden_act": "nothing"}, "no model can be built from its configuration"),
        ],
    )
    def test_a_configuration_that_cannot_be_used(self, saved, config, message):
        folder = saved(config)
        with pytest.raises(UsageError, match=message) as raised:
            weightless(str(folder))
        assert str(raised.value).startswith(f"{folder}: ")
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("gemma3-1b", "did you mean `gemma-3-1b`"),
            ("org/Llama-3-8B", "nothing is fetched; did you mean `llama-3-8b`"),
            ("quux", "`monitorbench list presets` names the presets"),
            ("./quux", "no such file or folder"),
            ("quux.json", "no such file or folder"),
            ("zoo:ar-chian", "no reference checkpoint is called 'ar-chian'; did you mean `zoo:ar-chain`"),
            ("", "no model is named"),
        ],
    )
    def test_a_name_that_names_nothing(self, name, message):
        with pytest.raises(UsageError, match=message):
            weightless(name)

    def test_a_folder_without_a_configuration(self, tmp_path):
        with pytest.raises(UsageError, match=r"has no config\.json"):
            weightless(str(tmp_path))

    def test_an_unknown_type(self):
        with pytest.raises(UsageError, match="unknown type 'bfloat61'; did you mean `bfloat16`"):
            weightless("gpt2", dtype="bfloat61")


@pytest.mark.usefixtures("own_modules")
class TestRemoteCode:
    """Code that lies beside a configuration runs only where that was allowed."""

    CONFIG = "from transformers import LlamaConfig\n\n\nclass OwnConfig(LlamaConfig):\n    model_type = 'own'\n"
    MODEL = (
        "from transformers import LlamaForCausalLM\n\nfrom .own_config import OwnConfig\n\n\n"
        "class OwnModel(LlamaForCausalLM):\n    config_class = OwnConfig\n"
    )

    @pytest.fixture
    def own(self, saved) -> str:
        auto_map = {"AutoConfig": "own_config.OwnConfig", "AutoModelForCausalLM": "own_model.OwnModel"}
        folder: Path = saved({**LLAMA, "model_type": "own", "auto_map": auto_map})
        (folder / "own_config.py").write_text(self.CONFIG)
        (folder / "own_model.py").write_text(self.MODEL)
        return str(folder)

    def test_it_is_refused(self, own):
        with pytest.raises(
            UsageError, match=r"is a own model, which only code that lies beside it can run.*--trust-remote-code"
        ):
            weightless(own)

    def test_it_runs_where_it_is_allowed(self, own):
        model = weightless(own, trust_remote_code=True)
        assert type(model.model).__name__ == "OwnModel"
        assert all(isinstance(parameter, FakeTensor) for parameter in model.model.parameters())
