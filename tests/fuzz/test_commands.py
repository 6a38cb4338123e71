"""Names, paths and options that drive terminals, leave folders, never end or are no files: one sentence, code 2."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from suite_texts import SHIPPED

Command = Callable[..., tuple[int, str, str]]
ESCAPE = "\x1b[2J\x07"
HERE = Path(__file__).parent
(QUICKSTART,) = (path for path in SHIPPED if path.name == "quickstart.monitor.yaml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a suite, a report, and what only looks like a file."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(QUICKSTART, "suite.yaml")
    shutil.copy(HERE / "report.json", "report.json")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    Path("zero").symlink_to("/dev/zero")
    return tmp_path


def refused(command: Command, *words: str) -> str:
    """What a command line is refused with: on stderr, without a traceback, and with nothing that drives a terminal."""
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert all(character.isprintable() for line in err.splitlines() for character in line), err
    return err


NO_FILES = ["pipe", "folder", "loop", "zero", "/proc/self/mem", "none", ESCAPE, "x" * 5000, "x/" * 3000, ""]


@pytest.mark.parametrize("path", NO_FILES)
def test_what_is_no_file_is_no_suite_and_no_report(command: Command, path: str) -> None:
    refused(command, "validate", path)
    refused(command, "report", path)
    refused(command, "compare", "report.json", path)
    refused(command, "trace", "list", path)


def test_a_report_may_come_through_a_pipe_that_somebody_writes_to(command: Command, folder: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"{}")
    os.close(write)
    assert "is not a report: report: 'schema_version' is a required" in refused(command, "report", f"/dev/fd/{read}")
    os.close(read)


def test_a_report_without_an_end_is_not_read_to_it(command: Command) -> None:
    with Path("huge").open("wb") as file:
        file.truncate(2**33)
    assert "it is larger than 64 MiB" in refused(command, "report", "huge")
    assert "a suite holds at most 1,048,576 bytes" in refused(command, "validate", "huge")


@pytest.mark.parametrize("path", ["folder", "pipe", "zero", "/dev/null/x", "x" * 300, "report.json/x"])
def test_where_no_report_can_be_written_nothing_is(command: Command, folder: Path, path: str) -> None:
    before = sorted(folder.rglob("*"))
    refused(command, "report", "report.json", "--format", "html", "--output", path)
    refused(command, "run", "suite.yaml", "--output", path)
    assert sorted(folder.rglob("*")) == before


def test_a_link_in_place_of_the_output_keeps_naming_its_file(command: Command, folder: Path) -> None:
    (folder / "page.html").symlink_to("folder/kept.html")
    assert command("report", "report.json", "--format", "html", "--output", "page.html")[0] == 0
    assert (folder / "page.html").is_symlink()
    assert (folder / "folder" / "kept.html").read_text("utf-8").lstrip().startswith("<!doctype html>")


@pytest.mark.parametrize(
    "model",
    [
        *("zoo:../../etc", "zoo:ar-chain/../x", "zoo:/etc", "zoo:.", "package:../x", "package:/etc", "package:yaml/.."),
        *("package:yaml/" + "x" * 5000, "package:os.path", "/etc/passwd", "~nobody-here/x", ESCAPE, "pipe", "zero"),
    ],
)
def test_a_name_does_not_leave_its_namespace(command: Command, model: str) -> None:
    assert refused(command, "validate", "suite.yaml", "--model", model).startswith("--model:1:1: ")


@pytest.mark.parametrize(
    "setting",
    [
        *("=", "a=b", "checks=3", "include=[x]", ".".join("a" * 3000) + "=1", "a" * 5000 + "=1", f"{ESCAPE}={ESCAPE}"),
        *("model=!!python/object/apply:os.system [x]", "sampling.stop=&a [*a]", 'name="\\x1b[2J"', "sampling=[" * 99),
    ],
)
def test_a_setting_is_a_suite_error(command: Command, setting: str) -> None:
    assert refused(command, "validate", "suite.yaml", "--set", setting).startswith("--set:1:1: ")


def test_the_name_of_a_file_cannot_forge_a_line(command: Command) -> None:
    name = "a\nb.yaml:1:1: valid"
    Path(name).write_text("a: b: c\n", "utf-8")
    assert refused(command, "validate", name).startswith("a\\nb.yaml:1:1: valid:1:5: ")


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "..", ".", ESCAPE.replace("\x07", ""), "a/../../b"])
def test_a_suite_cannot_name_a_place_outside_the_folder_of_reports(name: str) -> None:
    from monitorbench.invocation import REPORTS, file_name

    assert (REPORTS / file_name(name)).resolve().parent == REPORTS.resolve()
