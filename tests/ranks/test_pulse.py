"""A rank that dies is noticed, whether one sees its process or only that it is silent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import pytest

from monitorbench.ranks import pulse
from monitorbench.ranks.post import Post
from monitorbench.ranks.pulse import Member, Pulse, is_gone, last


def alarm_of(post: Post, member: Member, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of one other rank."""
    monkeypatch.setattr(pulse, "EVERY", 0.01)
    said: list[str] = []
    rung = threading.Event()

    def alarm(wrong: str) -> None:
        said.append(wrong)
        rung.set()

    post.put(f"member/{member.rank}", json.dumps(asdict(member)).encode())
    watch = Pulse(post.copy(), rank=0, others=range(1, 2), alarm=alarm)
    watch.start()
    rung.wait(1.0)
    watch.stop()
    return "".join(said)


def test_a_process_that_is_there_or_not() -> None:
    assert not is_gone(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        while not is_gone(child.pid):  # nobody has asked yet how it ended
            pass
    assert is_gone(child.pid)


def test_a_rank_on_this_machine_that_died(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    dead = replace(Member.of(1), process=child.pid)
    assert alarm_of(post, dead, monkeypatch).startswith(f"rank 1 (process {child.pid} on {dead.host}) died")


def test_a_rank_elsewhere_that_is_silent(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 0.1)
    elsewhere = Member(rank=1, process=7, host="node2", place="another")
    said = alarm_of(post, elsewhere, monkeypatch)
    assert said.startswith("rank 1 (process 7 on node2) has given no sign of life for")


def test_a_last_word_is_the_reason(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SETTLING", 0.0)
    post.put(last(1), b"rank 1: no such folder")
    assert alarm_of(post, Member.of(1), monkeypatch) == "rank 1: no such folder"


def test_a_rank_that_left_is_not_missed(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 0.0)
    post.put(last(1), b"")
    assert alarm_of(post, replace(Member.of(1), process=2**22 + 1), monkeypatch) == ""
