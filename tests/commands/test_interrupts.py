"""A command that is told to stop puts in order what is done and says how to go on; told twice, it ends at once."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from monitorbench.commands.run import _kept

Command = Callable[..., tuple[int, str, str]]

STUBBORN = """\
import time
from monitorbench.commands.interrupts import interruptible
with interruptible():
    try:
        print("at work", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("asked", flush=True)
        time.sleep({tidying})
    print("in order", flush=True)
"""
LOST = """\
import os, signal, sys
from monitorbench import cli
class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
def execute(_options):
    Late()
    print("went on", flush=True)
    return 0
cli.schema.execute = execute
sys.argv[1:] = ["schema", "suite"]
sys.exit(cli.main())
"""


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(run: subprocess.Popen[str]) -> str:
    assert run.stdout is not None
    return run.stdout.readline().strip()


def test_a_run_says_how_much_is_kept_and_the_same_command_goes_on(folder: Path, command: Command) -> None:
    words = ["run", "s.yaml", "--only", "order", "--set", "tasks.chain.n=100", "--output", "out/r.json"]
    shards = folder / "out/small/shards"
    with started("-m", "monitorbench", *words) as run:
        while len(list(shards.glob("*.safetensors"))) < 3 and run.poll() is None:
            time.sleep(0.005)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert [path.name for path in (folder / "out").iterdir()] == ["small"], "no report, and nothing but the store"
    last = err.splitlines()[-1]
    kept = re.fullmatch(r"interrupted; (\d+) of 300 rollouts are kept in out/small; run the (.*): (.*)", last)
    assert kept is not None, err
    assert kept[2] == "same command again to go on"
    assert kept[3] == "monitorbench " + " ".join(words)
    with sqlite3.connect(folder / "out/small/index.sqlite") as index:
        stored = index.execute("SELECT count(*) FROM rollouts").fetchone()[0]
    # It may be asked between a batch of three being kept and being counted.
    assert 6 <= int(kept[1]) <= stored <= int(kept[1]) + 3 < 300
    _, _, err = command(*words, "--limit", "6")
    assert "(6 rollouts, 6 from the store)" in err


def test_going_on_does_not_throw_away_what_a_fresh_run_has_made() -> None:
    options = Namespace(words=("run", "s.yaml", "--fresh"), fresh=True)
    assert _kept(1200, 2400, Path("there"), options) == (
        "1,200 of 2,400 rollouts are kept in there; run this command to go on: monitorbench run s.yaml"
    )


def test_a_command_that_keeps_nothing_says_so(folder: Path) -> None:
    with started("-m", "monitorbench", "selftest", "--only", "masked-chain") as run:
        assert run.stderr is not None
        assert run.stderr.readline() == "case 1 of 1: masked-chain\n"
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted; nothing was kept"


def test_asked_once_it_puts_things_in_order() -> None:
    with started("-c", STUBBORN.format(tidying=0.1)) as run:
        assert said(run) == "at work"
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGTERM)  # as `timeout` does
        assert said(run) == "asked"
        assert said(run) == "in order"
    assert run.returncode == -signal.SIGINT


def test_an_interrupt_that_gets_lost_in_a_finalizer_is_not_forgotten() -> None:
    with started("-c", LOST) as run:
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "went on\n")
    assert err.splitlines()[-1] == "interrupted; nothing was kept"


def test_a_run_of_which_an_interrupt_got_lost_writes_no_report(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitorbench.commands.interrupts._asked", [0.0])
    code, out, err = command("run", "s.yaml", "--only", "order", "--output", "out/r.json")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted; no rollout was recorded yet, so nothing was kept"
    assert not (folder / "out/r.json").exists()


def test_asked_twice_it_ends_at_once_whatever_it_is_doing() -> None:
    with started("-c", STUBBORN.format(tidying=60)) as run:
        assert said(run) == "at work"
        run.send_signal(signal.SIGINT)
        assert said(run) == "asked"
        time.sleep(0.7)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=10)
    assert (run.returncode, out) == (130, "")
    assert err == "\ninterrupted again: ended at once\n"
