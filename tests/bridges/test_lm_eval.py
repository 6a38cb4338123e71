"""lm-evaluation-harness runs tasks on models of this package, soft and bottlenecked, and grades them as we do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.recorder import record
from monitorbench.suite.model import Sampling
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.tasks.jsonl import Jsonl

lm_eval = pytest.importorskip("lm_eval", reason="needs lm-evaluation-harness: pip install 'monitorbench[lm-eval]'")

from monitorbench.bridges.lm_eval import MonitorbenchLM  # noqa: E402  # only where the harness is installed

N = 40
CHAIN = ArithmeticChain(lengths=(2, 3))
PROBLEMS = CHAIN.problems(N)
TASK = """\
task: chain
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{answer}}}}"
target_delimiter: ""
generation_kwargs: {{until: ["<none>"], do_sample: false, temperature: 0, max_gen_toks: 18}}
filter_list:
  - name: answer
    filter: [{{function: regex, regex_pattern: "answer (\\\\d+)"}}, {{function: take_first}}]
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task of the harness and its problems."""
    folder = tmp_path_factory.mktemp("harness")
    lines = [json.dumps({"prompt": problem.prompt, "answer": problem.answer}) for problem in PROBLEMS]
    (folder / "problems.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "chain.yaml").write_text(TASK.format(file=folder / "problems.jsonl"), encoding="utf-8")
    return folder


@pytest.fixture
def evaluated(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Accuracy and responses of a model on the task, as the harness reports them."""
    import datasets
    from lm_eval.tasks import TaskManager

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)

    def evaluated(model: Any) -> Any:
        manager = TaskManager(include_path=str(folder), include_defaults=False)
        results = lm_eval.simple_evaluate(model=model, tasks=["chain"], task_manager=manager, bootstrap_iters=0)
        samples = sorted(results["samples"]["chain"], key=lambda sample: sample["doc_id"])
        texts = [sample["resps"][0][0] for sample in samples]
        return results["results"]["chain"]["exact_match,answer"], texts

    return evaluated


def model(**arguments: Any) -> MonitorbenchLM:
    return MonitorbenchLM("zoo:diffusion-chain", batch_size=20, device="cpu", max_denoising_steps=8, **arguments)


def accuracy(texts: Sequence[str]) -> float:
    return sum(CHAIN.grade(problem, text).correct for problem, text in zip(PROBLEMS, texts, strict=True)) / N


def request(context: str, **arguments: Any) -> Any:
    return SimpleNamespace(args=(context, arguments))


def test_the_bottleneck_costs_nothing_and_carrying_nothing_does(evaluated: Callable[[Any], Any]) -> None:
    found = {}
    for name, arguments in {
        "soft": {},
        "top 8": {"channel": "self_conditioning", "top_k": 8},
        "zero": {"channel": "self_conditioning", "kind": "zero"},
    }.items():
        found[name], texts = evaluated(model(**arguments))
        assert found[name] == pytest.approx(accuracy(texts)), "the harness and our own grader agree"
    assert found["soft"] >= 0.9
    assert found["top 8"] >= found["soft"] - 0.05
    assert found["zero"] <= found["soft"] - 0.15


def test_responses_are_those_of_a_run_of_the_same_problems(folder: Path, evaluated: Callable[[Any], Any]) -> None:
    bottleneck = model(channel="self_conditioning", top_k=2, fill="renorm", seed=3)
    _, texts = evaluated(bottleneck)
    task = Jsonl(file=str(folder / "problems.jsonl"), grader="regex", pattern=r"answer (\d+)")
    sampling = Sampling(seed=3, max_new_tokens=18, batch_size=20, sampler={"max_denoising_steps": 8}, stop=("<none>",))
    change = Intervention(kind="keep", channel="self_conditioning", keep=("top_k", 2), fill="renorm")
    arm = Arm(role="candidate", task="chain", intervention=change)
    problems = task.problems(N)
    recording = record(arm, adapter=bottleneck._adapter, task=task, problems=problems, sampling=sampling)
    ours = {rollout.problem.id: rollout.text for rollouts in recording for rollout in rollouts}
    assert texts == [ours[problem.id] for problem in problems]


def test_a_request_that_is_repeated_is_sampled_anew_and_an_equal_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = model()
    one, other = (request(PROBLEMS[0].prompt, until=[], max_gen_toks=18) for _ in range(2))
    adapter: Any = bridge._adapter
    seeds: list[int] = []

    def generate(prompts: Any, given: Sequence[int], hook: Any, limits: Any) -> Any:
        seeds.extend(given)
        return adapter.generate(prompts, given, hook, limits)

    names = ("encode", "decode", "vocab_size", "max_length", "under", "extra_positions", "settings", "family")
    watched = SimpleNamespace(generate=generate, **{name: getattr(adapter, name) for name in names})
    monkeypatch.setattr(bridge, "_adapter", watched)
    texts = bridge.generate_until([one, one, other])
    assert len(set(seeds)) == 2
    assert texts[0] == texts[2]


def test_stop_strings_end_a_response() -> None:
    whole, cut = model().generate_until(
        [request(PROBLEMS[0].prompt, max_gen_toks=18, until=until) for until in ([], "answer")]
    )
    assert "answer" in whole
    assert cut == whole.partition("answer")[0]


def test_likelihoods_are_those_of_the_next_tokens_one_by_one() -> None:
    import torch

    bridge = MonitorbenchLM("zoo:ar-chain", batch_size=2, device="cpu")
    pairs = [
        (PROBLEMS[0].prompt, " " + PROBLEMS[0].target),
        (PROBLEMS[1].prompt + " ", PROBLEMS[0].target),
        ("", "a 7"),
    ]
    scores = bridge.loglikelihood([SimpleNamespace(args=pair) for pair in pairs])
    adapter: Any = bridge._adapter
    for (context, continuation), (score, greedy) in zip(pairs[:2], scores[:2], strict=True):
        tokens = adapter.encode(context.strip())
        total, best = 0.0, True
        for token in adapter.tokenizer(continuation, add_special_tokens=False)["input_ids"]:
            with torch.no_grad():
                ahead_V = adapter.model(input_ids=torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
            total, best = total + float(ahead_V[token]), best and int(ahead_V.argmax()) == token
            tokens = [*tokens, token]
        assert score == pytest.approx(total, abs=1e-3)
        assert greedy == best
    assert scores[0] > scores[1], "a chain's own solution is likelier than another's"
    assert scores[2][0] < 0
    (rolling,) = bridge.loglikelihood_rolling([SimpleNamespace(args=("a 7",))])
    assert rolling == pytest.approx(scores[2][0], abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": "zoo:diffusion-chain"}, "the adapter family block-diffusion defines no likelihood of a text"),
        (
            {"source": "zoo:state-chain", "channel": "recurrent_state", "kind": "zero"},
            "an intervention acts on a generation",
        ),
    ],
)
def test_where_there_is_no_likelihood_it_says_so(arguments: dict[str, Any], words: str) -> None:
    bridge = MonitorbenchLM(device="cpu", **arguments)
    with pytest.raises(NotImplementedError, match=words):
        bridge.loglikelihood([SimpleNamespace(args=("a", "b"))])
    with pytest.raises(NotImplementedError, match=words):
        bridge.loglikelihood_rolling([SimpleNamespace(args=("a",))])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"top_k": 8}, "an intervention without a channel"),
        ({"channel": "thoughts", "top_k": 8}, "has no channel 'thoughts'"),
        ({"channel": "self_conditioning"}, "the intervention keep takes one of top_k, min_p, top_p"),
        ({"channel": "self_conditioning", "kind": "zero", "top_k": 8}, "the intervention zero takes none of"),
        ({"denoising": 3}, "has no sampler setting 'denoising'"),
        ({"batch_size": "auto"}, "no batch size 'auto'"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        MonitorbenchLM("zoo:diffusion-chain", device="cpu", **arguments)


def test_a_response_that_does_not_fit_is_refused_before_it_is_generated() -> None:
    with pytest.raises(UsageError, match="the model holds 256; lower max_gen_toks"):
        model().generate_until([request(PROBLEMS[0].prompt, until=[])])


@pytest.mark.slow
def test_the_command_line_of_the_harness_knows_the_model(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monitorbench.bridges.lm_eval", "run", "--model", "monitorbench"]
    arguments = "source=zoo:diffusion-chain,channel=self_conditioning,top_k=8,max_denoising_steps=8"
    task = ["--include_path", str(folder), "--tasks", "chain", "--limit", "20"]
    environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "--model_args", arguments, *task, "--batch_size", "20", "--device", "cpu"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"exact_match[^\d]*([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    assert float(found[1]) >= 0.85
