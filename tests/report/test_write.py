"""Reports on disk: valid or refused, whole or not at all, and the same when read back."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.report.exit_code import overall
from monitorbench.report.model import (
    Bound,
    CheckReport,
    Control,
    Dropped,
    Interval,
    ModelReport,
    Policy,
    Report,
    RunFacts,
    Verdict,
)
from monitorbench.report.write import InvalidReportError, dumps, read, to_json, write

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
reals = st.floats(allow_nan=False, allow_infinity=False)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
free_form = st.dictionaries(
    words,
    st.recursive(
        st.none() | st.booleans() | st.integers() | reals | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=4,
    ),
    max_size=3,
)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = sorted((draw(reals), draw(reals)))
    return Interval(low=low, high=high, level=draw(st.floats(0, 1, exclude_min=True)), method=draw(words))


@st.composite
def bounds(draw: st.DrawFn) -> Bound:
    low, high = sorted((draw(reals), draw(reals)))
    return Bound(min=draw(st.none() | st.just(low)), max=draw(st.none() | st.just(high)))


def check_reports(name: str, names: list[str]) -> st.SearchStrategy[CheckReport]:
    return st.builds(
        CheckReport,
        id=st.just(name),
        type=words,
        line=st.integers(1),
        reason=words,
        estimate=st.none() | reals,
        unit=words,
        interval=st.none() | intervals(),
        bound=st.none() | bounds(),
        n=st.none() | st.integers(0),
        dropped=st.lists(st.builds(Dropped, reason=words, count=st.integers(0)), max_size=2).map(tuple),
        controls=st.lists(
            st.builds(Control, name=words, value=st.none() | reals, interval=st.none() | intervals()), max_size=2
        ).map(tuple),
        rests_on=st.lists(st.sampled_from(names), max_size=2).map(tuple),
        parameters=free_form,
        evidence=free_form,
        severity=st.sampled_from(["fail", "warn", "info"]),
        warn_bound=st.none() | bounds(),
    )


@st.composite
def reports(draw: st.DrawFn) -> Report:
    names = draw(st.lists(words, unique=True, max_size=3))
    checks = tuple(draw(check_reports(name, names)) for name in names)
    policy = draw(st.none() | st.builds(Policy))
    verdict, exit_code = overall(checks, policy or Policy())
    models = st.builds(
        ModelReport,
        role=words,
        source=words,
        parameters=st.integers(0),
        channels=st.lists(words, max_size=2).map(tuple),
        weights_sha256=hashes,
        config_sha256=hashes,
        tokenizer_sha256=st.just("") | hashes,
    )
    return Report(
        verdict=verdict,
        exit_code=exit_code,
        versions=draw(st.dictionaries(words, words, max_size=2)),
        device=draw(st.dictionaries(words, words, max_size=2)),
        suite_sha256=draw(hashes),
        suite=draw(free_form),
        models=tuple(draw(st.lists(models, max_size=2))),
        checks=checks,
        run=RunFacts(started=draw(st.datetimes()).isoformat(), seconds=draw(st.floats(0, 1e6)), host="h", platform="p"),
        policy=policy,
    )


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports") / "report.json"


@given(report=reports())
@settings(max_examples=50, deadline=None)
def test_what_is_read_is_what_was_written(report: Report, scratch: Path) -> None:
    write(report, scratch)
    assert read(scratch) == report


def test_the_layout_of_the_text(make_report: MakeReport) -> None:
    text = dumps(make_report())
    assert text.startswith('{\n  "schema_version": 1,\n  "verdict": "pass",\n  "exit_code": 0,\n')
    assert text.endswith("}\n")
    assert text.isascii()
    assert json.loads(text) == to_json(make_report())


def test_equal_reports_give_equal_bytes_however_they_were_built(make_check: MakeCheck, make_report: MakeReport) -> None:
    one = make_report(make_check(evidence={"a": 1, "b": {"c": 2, "d": 3}}))
    other = make_report(make_check(evidence={"b": {"d": 3, "c": 2}, "a": 1}))
    assert dumps(one) == dumps(other)


def test_only_the_run_section_differs_between_two_runs(make_report: MakeReport) -> None:
    report = make_report()
    later = dataclasses.replace(
        report, run=RunFacts(started="2027-01-01T00:00:00", seconds=9.0, host="other", platform="other")
    )
    first, second = dumps(report), dumps(later)
    assert first != second
    assert first.split('"run": {')[0] == second.split('"run": {')[0]


def test_missing_folders_are_created_and_nothing_else_is_left(make_report: MakeReport, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "runs" / "report.json"
    write(make_report(), path)
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]
    assert path.read_bytes() == dumps(make_report()).encode()


def test_a_report_is_as_readable_to_others_as_any_new_file(make_report: MakeReport, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    write(make_report(), tmp_path / "report.json")
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_keeps_naming_the_file_that_is_replaced(make_report: MakeReport, tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "latest.json"
    real.write_text("old")
    link.symlink_to(real)
    write(make_report(), link)
    assert link.is_symlink()
    assert read(real) == make_report()


@pytest.mark.parametrize("evidence", [{"drop": float("nan")}, {"model": object()}])
def test_an_unwritable_value_leaves_the_old_report_alone(
    evidence: dict[str, Any], make_check: MakeCheck, make_report: MakeReport, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(InvalidReportError, match=r"internal error: report\.checks\[0\]\.evidence"):
        write(make_report(make_check(evidence=evidence)), path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("report.json", "old")]


def test_a_report_that_does_not_fit_its_schema_is_not_written(
    make_check: MakeCheck, make_report: MakeReport, tmp_path: Path
) -> None:
    with pytest.raises(InvalidReportError, match=r"report\.checks\[0\]\.line: 0 is less than the minimum of 1"):
        write(make_report(make_check(line=0)), tmp_path / "report.json")
    with pytest.raises(InvalidReportError, match=r"report\.verdict: pass does not follow from the checks"):
        write(make_report(make_check(verdict=Verdict.FAIL), verdict=Verdict.PASS), tmp_path / "report.json")
    assert not list(tmp_path.iterdir())


@contextmanager
def small_files() -> Iterator[None]:
    """The system refuses to let any file grow beyond 512 bytes, as a full disk would.

    It must not outlast the write under test: what pytest prints may go to a file too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_midway_leaves_the_old_report_alone(make_report: MakeReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    refused = pytest.raises(UsageError, match=r"report\.json: the report cannot be written \(file too large\)")
    with refused, small_files():
        write(make_report(), path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("report.json", "old")]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write in a folder without write permission")
def test_a_folder_without_write_permission_is_a_usage_error(make_report: MakeReport, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match=r"cannot be written \(permission denied\); name a file in a writable folder"):
        write(make_report(), tmp_path / "report.json")


def test_a_folder_is_not_a_place_for_a_report(make_report: MakeReport, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder, not a file; name a file for the report"):
        write(make_report(), tmp_path)


def test_a_file_is_not_a_folder_for_a_report(make_report: MakeReport, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="the report cannot be written"):
        write(make_report(), tmp_path / "taken" / "report.json")


def test_pipes_and_devices_are_not_replaced_by_files(make_report: MakeReport, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="is not a regular file"):
        write(make_report(), pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not a report: Expecting value"),
        (b"\xff\xfe\xfa", "is not a report: 'utf-16"),
        (b"[1, 2]", "is not a report: report: wants object, found list"),
        (b'{"checks": NaN}', "is not a report: NaN is not JSON"),
        (b'{"checks": 1e999}', "is not a report: the number 1e999 is too large"),
        (b'{"schema_version": 2}', "is a report of version 2; this monitorbench reads version 1; read it with"),
        (b'{"schema_version": 1}', r"is not a report: report: 'verdict' is a required property \(and 8 more\)"),
        (b"[" * 100_000, "is not a report: maximum recursion depth"),
    ],
)
def test_what_is_no_report_is_refused_on_reading(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"other\.json: {complaint}"):
        read(path)


def test_an_edited_verdict_is_refused_on_reading(
    make_check: MakeCheck, make_report: MakeReport, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    write(make_report(make_check(verdict=Verdict.FAIL)), path)
    path.write_text(path.read_text().replace('"verdict": "fail"', '"verdict": "pass"', 1))
    with pytest.raises(UsageError, match="verdict: pass does not follow from the checks, which come to fail"):
        read(path)


@pytest.mark.parametrize(("name", "why"), [("missing.json", "no such file or directory"), (".", "is a directory")])
def test_a_report_that_cannot_be_read(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"the report cannot be read \({why}\); name a report that `run` wrote"):
        read(tmp_path / name)


@pytest.mark.parametrize("last", ["os.fsync", "pathlib.Path.replace"])
def test_a_process_killed_while_it_writes_leaves_the_report_that_was_there(last: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("before", encoding="utf-8")
    program = (
        "import os, pathlib, signal\n"
        "from monitorbench.report.write import write_text\n"
        f"{last} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_text('after', pathlib.Path({str(path)!r}))\n"
    )
    died = subprocess.run([sys.executable, "-c", program], check=False)
    assert died.returncode == -signal.SIGKILL
    assert path.read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            '"seconds": 61.5',
            f'"seconds": 1{"0" * 400}',
            "is not a report: the number 10000000000000000000... is too large",
        ),
        ('"seconds": 61.5', '"seconds": 1, "seconds": 2', "is not a report: the key 'seconds' is given twice"),
        ('"channel": null', f'"channel": {"[" * 100 + "]" * 100}', "is not a report: it is nested more than 64 deep"),
        ('"line": 12', '"line": 12.0', "is not a report: report.checks[0].line: wants integer, found float"),
    ],
)
def test_numbers_keys_and_depths_that_no_run_writes(
    old: str, new: str, complaint: str, make_report: MakeReport, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    text = dumps(make_report())
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(complaint)):
        read(path)


def test_a_whole_number_in_place_of_another_is_read_as_that(make_report: MakeReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(dumps(make_report()).replace('"seconds": 61.5', '"seconds": 61'), encoding="utf-8")
    assert type(read(path).run.seconds) is float
