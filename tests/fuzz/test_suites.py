"""Whatever a suite file holds, it is loaded, or refused with a sentence; nothing is run, nothing hangs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from fuzzing import harmless, tries
from hypothesis import given
from hypothesis import strategies as st
from suite_texts import SHIPPED, VOCABULARY, changed_suites, command_lines, debris

from monitorbench import registry
from monitorbench.checks.registry import CHECKS
from monitorbench.errors import SuiteError, UsageError
from monitorbench.planning import build_task, require_usable
from monitorbench.stats.power import USUAL_POWER
from monitorbench.suite.loader import load, resolved
from monitorbench.suite.model import Overrides, Suite

MARKER = "code_that_no_suite_may_run"
PLACE = re.compile(r"(?s).+:[1-9]\d*:[1-9]\d*: \S.*\Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory with things in it that no suite should hang on, fall over or import."""
    folder = tmp_path_factory.mktemp("suites")
    (folder / f"{MARKER}.py").write_text("class Class: pass\n", "utf-8")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "self").symlink_to(".")
    (folder / "link.yaml").symlink_to("b.yaml")
    (folder / "binary").write_bytes(bytes(range(256)))
    before = Path.cwd()
    os.chdir(folder)
    registry.entry_points = cache(entry_points)  # type: ignore[assignment]  # looked up once is often enough here
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    os.chdir(before)
    registry.entry_points = entry_points


def tried(kind: str, content: bytes, overrides: Overrides = Overrides()) -> None:  # noqa: B008  # frozen
    """Load a suite, and see that it is one or that every mistake in it has its place and its words."""
    Path("s.yaml").write_bytes(content)
    with harmless(kind):
        suite = loaded(overrides)
        if suite is not None:
            foreseen(suite)
    assert MARKER not in sys.modules
    if suite is not None:
        assert json.loads(json.dumps(resolved(suite), allow_nan=False)) == resolved(suite)


def foreseen(suite: Suite) -> None:
    """What `validate` says further of a suite, and the first problems that a run would ask."""
    for check in suite.checks:
        CHECKS.load(check.type)().foresight(check, suite=suite, power=USUAL_POWER)
    for task in suite.tasks.values():
        with suppress(UsageError):
            build_task(task, {}).problems(min(task.n, 3))


def loaded(overrides: Overrides) -> Suite | None:
    try:
        suite = load("s.yaml", VOCABULARY, overrides)
        require_usable(suite)
    except SuiteError as error:
        mistakes = list(map(str, error.mistakes))
    else:
        return suite
    assert mistakes
    for line in mistakes:
        assert PLACE.match(line)
        assert line.isprintable(), line
        assert len(line) < 4_000
    return None


@given(content=debris())
@tries(0.4)
def test_any_bytes(folder: Path, content: bytes) -> None:
    tried("bytes", content)


@given(text=changed_suites())
@tries(0.4)
def test_a_suite_with_a_few_nodes_changed(folder: Path, text: str) -> None:
    tried("nodes", text.encode("utf-8", "surrogatepass"))


@given(shipped=st.sampled_from(SHIPPED), changes=command_lines())
@tries(0.15)
def test_a_suite_that_the_command_line_changes(folder: Path, shipped: Path, changes: dict[str, Any]) -> None:
    tried("overrides", shipped.read_bytes(), Overrides(**changes))


NAMES = ["a.yaml", "b.yaml", "link.yaml", "self/b.yaml", "s.yaml", "self/self/s.yaml", "../x", "/etc/passwd", "pipe"]
NAMES += [
    "loop",
    "binary",
    ".",
    "",
    "b.yaml/",
    "b.yaml/../a.yaml",
    "\0",
    "x" * 300,
    "x/" * 2500,
    "/dev/zero",
    "~",
    "\x1b[2J",
]
parts = st.tuples(st.lists(st.sampled_from(NAMES), max_size=4), changed_suites() | st.just("tasks: {}\n"))


@given(files=st.lists(parts, min_size=3, max_size=3))
@tries(0.05)
def test_files_that_include_each_other(folder: Path, files: list[tuple[list[str], str]]) -> None:
    texts = [f"include: {json.dumps(names)}\n{text}" for names, text in files]
    for name, text in zip(("a.yaml", "b.yaml"), texts[1:], strict=True):
        Path(name).write_bytes(text.encode("utf-8", "surrogatepass"))
    tried("includes", texts[0].encode("utf-8", "surrogatepass"))
