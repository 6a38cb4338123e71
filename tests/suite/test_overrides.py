"""What the command line changes, and how it is told that it cannot."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.suite.model import Suite

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]


def test_set_reaches_every_corner(quickstart: str, loaded: Loaded) -> None:
    suite = loaded(
        quickstart,
        set=(
            "checks.bottleneck.max_drop=0.1",
            "checks.bottleneck.keep={min_p: 1e-3}",
            "checks.depth.max_depth=40",
            "tasks.chain.n=10",
            "tasks.chain.lengths=[2, 3]",
            "sampling.sampler.max_denoising_steps=4",
            "sampling.batch_size=2",
            "device=cuda:1",
            "baseline=zoo:ar-chain",
            "name=on",
        ),
    )
    bottleneck, depth = (check.parameters for check in suite.checks)
    assert (bottleneck["max_drop"], bottleneck["keep"], depth["max_depth"]) == (0.1, {"min_p": 0.001}, 40)
    assert (suite.tasks["chain"].n, suite.tasks["chain"].parameters["lengths"]) == (10, [2, 3])
    assert (suite.sampling.sampler, suite.sampling.batch_size) == ({"max_denoising_steps": 4}, 2)
    assert (suite.device, suite.name) == ("cuda:1", "on")
    assert suite.baseline is not None


def test_set_makes_sections_that_are_not_there(quickstart: str, loaded: Loaded) -> None:
    text = "".join(line for line in quickstart.splitlines(keepends=True) if not line.startswith("sampling"))
    assert loaded(text, set=("sampling.sampler.max_denoising_steps=4",)).sampling.sampler == {"max_denoising_steps": 4}


def test_a_default_can_be_set(quickstart: str, loaded: Loaded) -> None:
    assert loaded(quickstart, set=("defaults.convention=circuit",)).checks[1].parameters["convention"] == "circuit"


def test_set_changes_neither_the_hash_nor_the_lines(quickstart: str, loaded: Loaded) -> None:
    plain, changed = loaded(quickstart), loaded(quickstart, set=("checks.depth.max_ratio=2",))
    assert changed.source_hash == plain.source_hash
    assert [check.line for check in changed.checks] == [check.line for check in plain.checks]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("checks.botleneck.max_drop=1", "no check `botleneck` to set `checks.botleneck.max_drop` in; did you mean `bottleneck`?"),
        ("checks.0.max_drop=1", "no check `0` to set `checks.0.max_drop` in; known: `bottleneck`, `depth`"),
        ("tasks.chian.n=3", "no task `chian` to set `tasks.chian.n` in; did you mean `chain`?"),
        ("chekcs.depth.max_ratio=3", "unknown key `chekcs` at the top level; did you mean `checks`?"),
        ("checks.bottleneck.max_dorp=3", "unknown key `max_dorp` in check `bottleneck`; did you mean `max_drop`?"),
        ("sampling.sede=3", "unknown key `sede` in `sampling`; did you mean `seed`?"),
        ("name.x=3", "`name` is not a mapping, so it has no `x`; set `name` as a whole"),
        ("tasks.chain.lengths.0=3", "`tasks.chain.lengths` is not a mapping, so it has no `0`; set `tasks.chain.lengths` as a whole"),
        ("nonsense", "`nonsense` is not a setting; write path=value, such as sampling.seed=3"),
        ("a..b=3", "`a..b=3` is not a setting; write path=value, such as sampling.seed=3"),
        ("=3", "`=3` is not a setting; write path=value, such as sampling.seed=3"),
        ("include=[x.yaml]", "`include` cannot be set; change it in the suite"),
        ("checks.depth.max_ratio=on", "`max_ratio` wants a number, got the text 'on'; write a number: YAML 1.2 reads on/yes as text"),
        ("checks.depth.max_ratio=", "`max_ratio` wants a number, got null; write a number"),
        ("checks.depth.max_ratio={", "`checks.depth.max_ratio={`: not YAML: expected the node content, but found '<stream end>'; mend this line or the one above it"),
        ("tasks.chain.n=010", "`tasks.chain.n=010`: `010` has a leading zero, which readers of YAML 1.1 take for an octal number; write 10, or '010' for text"),
        ("model=zoo:ar-chian", "no reference checkpoint `ar-chian`; did you mean `ar-chain`?"),
        ("schema_version=2", "`schema_version` cannot be 2; write 1"),
    ],
)  # fmt: skip  # one row for each mistake
def test_a_setting_that_is_refused(quickstart: str, mistakes: Mistakes, setting: str, complaint: str) -> None:
    assert mistakes(quickstart, set=(setting,)) == [f"--set:1:1: {complaint}"]


def test_options_of_their_own_win_over_set(quickstart: str, loaded: Loaded) -> None:
    suite = loaded(quickstart, seed=5, limit=7, set=("sampling.seed=3", "tasks.chain.n=50"))
    assert (suite.sampling.seed, suite.tasks["chain"].n) == (5, 7)


def test_limit_only_lowers(quickstart: str, loaded: Loaded) -> None:
    assert loaded(quickstart, limit=1000).tasks["chain"].n == 120
    assert loaded(quickstart, limit=1).tasks["chain"].n == 1


def test_models_device_and_dtype(quickstart: str, loaded: Loaded) -> None:
    text = quickstart.replace("model: zoo:diffusion-chain", "model: {source: org/m, adapter: depth-loop}")
    suite = loaded(text, model="zoo:ar-chain", baseline="org/b@v1", device="cpu", dtype="float16")
    assert (suite.model.source, suite.model.adapter) == ("zoo:ar-chain", None)
    assert suite.baseline is not None
    assert (suite.baseline.revision, suite.device, suite.dtype) == ("v1", "cpu", "float16")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"limit": 0}, "--limit:1:1: the limit must be at least 1, got 0; write a larger number"),
        ({"seed": -1}, "--seed:1:1: `seed` must be at least 0, got -1; write a number that is at least 0"),
        ({"model": "./nope"}, "--model:1:1: no such folder: `./nope`; check the path"),
        ({"baseline": "zoo:x"}, "--baseline:1:1: no reference checkpoint `x`; known: `ar-chain`, `diffusion-chain`"),
        ({"device": "tpu"}, "--device:1:1: `device` cannot be 'tpu'; write auto, cpu, cuda or cuda:N"),
        ({"dtype": "int8"}, "--dtype:1:1: `dtype` cannot be 'int8'; known: `bfloat16`, `float16`, `float32`"),
        ({"only": ("dept",)}, "--only:1:1: no check `dept`; did you mean `depth`?"),
    ],
)
def test_an_option_that_is_refused(
    quickstart: str, mistakes: Mistakes, overrides: dict[str, object], line: str
) -> None:
    assert mistakes(quickstart, **overrides) == [line]


def test_an_option_for_a_section_of_the_wrong_kind(quickstart: str, mistakes: Mistakes) -> None:
    text = quickstart.replace("tasks:\n  chain:", "tasks: 3\nx:\n  chain:")
    assert mistakes(text, limit=3)[0] == "s.yaml:4:8: `tasks` wants a mapping, got the number 3; write a mapping"
    assert mistakes(quickstart, set=("sampling=3",), seed=1) == [
        "--seed:1:1: `sampling` is not a mapping, so it has no `seed`; set `sampling` as a whole",
        "--set:1:1: `sampling` wants a mapping, got the number 3; write a mapping",
    ]
