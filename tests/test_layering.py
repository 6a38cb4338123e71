"""The rooms of the house: which may import which, and which may never load a model library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL_LIBRARIES = ("torch", "transformers")
HEAVY = (*MODEL_LIBRARIES, "jsonschema", "numpy", "rich", "scipy", "yaml")


def loaded_by(code: str, libraries: tuple[str, ...]) -> list[str]:
    """Which of the libraries a fresh interpreter has loaded after running the code."""
    script = f"import sys\n{code}\nprint(*sorted(set(sys.modules) & {set(libraries)!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_imports_go_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The contract stands in pyproject.toml."""
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    status = lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "module",
    [
        "monitorbench",
        "monitorbench.checks.registry",
        "monitorbench.metrics",
        "monitorbench.pytest_plugin",
        "monitorbench.report.write",
        "monitorbench.runner",
        "monitorbench.stats.power",
        "monitorbench.suite.loader",
        "monitorbench.terminal",
    ],
)
def test_rooms_without_models_load_no_model_library(module: str) -> None:
    assert loaded_by(f"import {module}", MODEL_LIBRARIES) == []


def test_every_module_of_a_room_without_models_loads_no_model_library() -> None:
    rooms = ("suite", "metrics", "stats", "report", "commands")
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in rooms
        for path in sorted((ROOT / "monitorbench" / room).rglob("*.py"))
    ]
    assert len(modules) > len(rooms)
    assert loaded_by("\n".join(f"import {module}" for module in modules), MODEL_LIBRARIES) == []


def test_the_checks_themselves_can_be_described_without_a_model_library() -> None:
    code = "from monitorbench.checks.registry import CHECKS\nfor name in CHECKS: CHECKS.load(name).summary"
    assert loaded_by(code, MODEL_LIBRARIES) == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import monitorbench\nmonitorbench.__version__", HEAVY) == []


def test_every_public_name_can_be_had() -> None:
    import monitorbench

    assert set(monitorbench.__all__) <= set(dir(monitorbench))
    for name in monitorbench.__all__:
        assert getattr(monitorbench, name) is not None
    with pytest.raises(AttributeError, match="module 'monitorbench' has no attribute 'nothing'"):
        _ = monitorbench.nothing


def test_the_package_declares_its_types() -> None:
    assert (ROOT / "monitorbench" / "py.typed").is_file()
