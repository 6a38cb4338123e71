"""What the plugin costs a session that has no use for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = "pytester"


def test_a_session_without_a_suite_loads_nothing_because_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            assert "monitorbench.pytest_plugin" in sys.modules
            heavy = {"torch", "transformers", "yaml", "jsonschema", "numpy", "rich", "scipy"}
            assert not heavy & set(sys.modules)
            ours = {name for name in sys.modules if name.startswith("monitorbench.")}
            assert all(name.startswith("monitorbench.pytest_plugin") for name in ours)
        """
    )
    words = ["-m", "pytest", "-p", "monitorbench.pytest_plugin", "-W", "error", "-q"]
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, *words], cwd=pytester.path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_plugin_is_installed_as_one(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    result.stdout.fnmatch_lines(["*--monitorbench-model=MODEL*"])
