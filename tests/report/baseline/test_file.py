"""Baseline files on disk."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from monitorbench.errors import UsageError
from monitorbench.report.baseline.file import dumps, read, write
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.baseline.schema import schema
from monitorbench.report.model import Report, Verdict

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]


@pytest.fixture
def file(ran: Ran, accepting: Accepting) -> BaselineFile:
    """Two suites, one of them with a known failure."""
    passing = accepting(ran(prompts={"p1": 0.0, "p0": 0.5}, tolerance={"abs": 0.02}))
    failing = accepting(dataclasses.replace(ran(verdict=Verdict.FAIL), suite={"name": "another"}), passing)
    assert sorted(failing.suites) == ["another", "s"]
    return failing


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read(path)
    return str(caught.value)


def test_what_is_written_is_read_again(file: BaselineFile, tmp_path: Path) -> None:
    path = tmp_path / "new" / "baseline.json"
    write(file, path)
    assert read(path) == file
    assert dumps(read(path)) == path.read_text("utf-8")
    assert [each.name for each in path.parent.iterdir()] == ["baseline.json"]


def test_the_order_in_which_entries_came_does_not_matter(file: BaselineFile) -> None:
    turned = BaselineFile(suites=dict(reversed(list(file.suites.items()))))
    assert dumps(turned) == dumps(file)
    text = dumps(file)
    assert text.index('"another": {') < text.index('"s": {')
    assert text.index('"p0": 0.5') < text.index('"p1": 0.0')


def test_the_schema_is_draft_07_and_describes_every_field(file: BaselineFile) -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.validate(json.loads(dumps(file)), schema())
    entry = schema()["properties"]["suites"]["additionalProperties"]["additionalProperties"]
    assert all(field["description"] for field in entry["properties"].values())
    assert sorted(entry["required"]) == sorted(entry["properties"])


def changed(file: BaselineFile, path: Path, **fields: Any) -> Path:
    payload = json.loads(dumps(file))
    payload["suites"]["another"]["bottleneck"] |= fields
    path.write_text(json.dumps(payload), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"verdict": "fine"}, "baseline.suites.another.bottleneck.verdict: 'fine' is not one of"),
        ({"value": "much"}, "baseline.suites.another.bottleneck.value: wants number or null, found str"),
        ({"colour": 1}, "baseline.suites.another.bottleneck: Additional properties are not allowed"),
        ({"expires": "2027-02-30"}, "baseline.suites.another.bottleneck.expires: '2027-02-30' is no day"),
        ({"expires": None}, "a known failure needs a reason and a day on which it expires"),
        ({"reason": " "}, "a known failure needs a reason and a day on which it expires"),
        ({"verdict": "error"}, "baseline.suites.another.bottleneck.verdict: an error cannot be accepted"),
        (
            {"interval": {"low": 1, "high": 0, "level": 0.9, "method": "m"}},
            "baseline.suites.another.bottleneck.interval: 1.0 is above 0.0",
        ),
    ],
)
def test_a_file_that_was_edited_wrongly_is_refused_with_the_place(
    fields: dict[str, Any], complaint: str, file: BaselineFile, tmp_path: Path
) -> None:
    words = refusal(changed(file, tmp_path / "b.json", **fields))
    assert "b.json: is no baseline file: baseline.suites.another.bottleneck" in words
    assert complaint in words
    assert words.endswith("restore it from version control, or make a new one with `monitorbench baseline update`")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no baseline file: "),
        ("[]", "is no baseline file: baseline: wants object, found list"),
        ('{"schema_version": 1}', "is no baseline file: baseline: 'suites' is a required property"),
        ('{"schema_version": 2, "suites": {}}', "is a baseline file of version 2; this monitorbench reads version 1"),
        ('{"schema_version": 1, "suites": {"s": {}, "s": {}}}', "is no baseline file: the key 's' is given twice"),
        ('{"schema_version": NaN, "suites": {}}', "is no baseline file: NaN is not JSON"),
        ('{"schema_version": 1, "suites": 1' + "0" * 400 + "}", "is no baseline file: the number 1000"),
        ("[" * 100_000, "is no baseline file: "),
    ],
)
def test_what_is_no_baseline_file_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    assert f"b.json: {complaint}" in refusal(path)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    assert "there is no such baseline file; make one from a report with" in refusal(tmp_path / "none.json")
    assert "is not a regular file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


def test_an_update_never_writes_through_a_link(file: BaselineFile, tmp_path: Path) -> None:
    target, link = tmp_path / "precious", tmp_path / "b.json"
    target.write_text("precious", encoding="utf-8")
    for name in (target, tmp_path / "nothing"):
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        with pytest.raises(UsageError, match="is a link, and a baseline file is never written through one"):
            write(file, link)
    assert target.read_text("utf-8") == "precious"
    assert not (tmp_path / "nothing").exists()


def test_what_cannot_be_written_leaves_everything_as_it_was(file: BaselineFile, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder, not a file; name a file for the baseline file"):
        write(file, tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="the baseline file cannot be written"):
        write(file, tmp_path / "file" / "b.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(file: BaselineFile, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(UsageError, match="the baseline file cannot be written"):
            write(file, tmp_path / "b.json")
    finally:
        tmp_path.chmod(stat.S_IRWXU)
