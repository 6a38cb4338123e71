"""The page in a real browser: it opens without complaints, its viewer works, and nothing foreign runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from headless import CHROMIUM, MISSING, Page, browser
from made import WORDS, block, example

from monitorbench.report.model import CheckReport, Report
from monitorbench.report.render.html import render
from monitorbench.report.render.page.traces import Traces

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
CANVAS = "Array.from(document.querySelectorAll('#t-canvas .token'), (token) => token.textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def forget(page: Page) -> None:
    page.complaints.clear()
    page.requests.clear()


@pytest.fixture
def two(make_report: MakeReport, tmp_path: Path) -> Path:
    """A page with two rollouts, the second of two blocks."""
    second = example(
        block(positions=5, steps=3, seed=1), block(positions=4, steps=2, seed=2), name="abc/q", arm="baseline on chain"
    )
    return written(tmp_path, render(make_report(), traces=Traces(examples=[example(), second], stored=2)))


def written(folder: Path, text: str) -> Path:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def change(page: Page, name: str, value: int, event: str) -> None:
    """Do what a hand does to a control."""
    page.look(
        f"(() => {{ const it = document.getElementById('{name}'); it.value = {value}; "
        f"it.dispatchEvent(new Event('{event}')) }})()"
    )


def to_step(page: Page, step: int) -> None:
    change(page, "t-step", step, "input")


def canvas(page: Page) -> list[str]:
    found: list[str] = page.look(CANVAS)
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_without_complaints_and_fits(page: Page, two: Path, width: int, dark: bool) -> None:
    page.open(two, width=width, dark=dark)
    assert page.complaints == []
    assert set(page.requests) == {two.as_uri()}
    assert page.look("document.documentElement.scrollWidth") <= width
    assert page.look("document.querySelector('.verdict').textContent") == "pass"


def test_the_slider_moves_the_canvas(page: Page, two: Path) -> None:
    one = block(positions=6, steps=4)
    page.open(two)
    for step in (3, 0, 2):
        to_step(page, step)
        assert canvas(page) == [WORDS[token] for token in one.tokens_SP[step].tolist()]
        marked = page.look(
            "Array.from(document.querySelectorAll('#t-canvas .token'), (t) => t.classList.contains('committed'))"
        )
        assert marked == one.committed_SP[step].tolist()
    page.look("document.getElementById('t-seen').click()")
    assert one.canvas_SP is not None
    assert canvas(page) == [WORDS[token] for token in one.canvas_SP[2].tolist()]
    assert page.complaints == []


def test_a_cell_shows_its_likeliest_tokens(page: Page, two: Path) -> None:
    one = block(positions=6, steps=4)
    page.open(two)
    to_step(page, 1)
    page.look("document.querySelectorAll('#t-canvas .token')[3].click()")
    assert page.look("document.getElementById('t-cell').textContent") == "Likeliest tokens at position 3, step 1"
    told = page.look("Array.from(document.querySelectorAll('.guess code'), (code) => code.textContent)")
    assert one.top_ids_SPK is not None
    assert told == [WORDS[token] for token in one.top_ids_SPK[1, 3].tolist()]


def test_the_map_chooses_position_and_step(page: Page, two: Path) -> None:
    page.open(two)
    at = page.look(
        "(() => { const heat = document.getElementById('t-heat'); heat.scrollIntoView(); "
        "const box = heat.getBoundingClientRect(); return [box.left, box.top, box.width, box.height] })()"
    )
    x, y = at[0] + at[2] * 2.5 / 6, at[1] + at[3] * 1.5 / 4
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    assert page.look("document.getElementById('t-cell').textContent") == "Likeliest tokens at position 2, step 1"
    assert page.look("document.getElementById('t-step').value") == "1"


def test_the_places_of_a_value_are_marked(page: Page, two: Path) -> None:
    page.open(two)
    page.look("document.querySelector('#t-values button').click()")
    marked = "Array.from(document.querySelectorAll('#t-canvas .marked'), (token) => token.dataset.place)"
    assert page.look(marked) == ["1", "2"]
    page.look("document.querySelector('#t-values button').click()")
    assert page.look(marked) == []


def test_blocks_follow_each_other(page: Page, two: Path) -> None:
    first, second = block(positions=5, steps=3, seed=1), block(positions=4, steps=2, seed=2)
    page.open(two)
    change(page, "t-rollout", 1, "change")
    page.wait("document.querySelectorAll('#t-canvas .token').length === 9")
    to_step(page, 1)
    assert canvas(page) == [*(WORDS[token] for token in first.tokens_SP[1].tolist()), *["\N{MIDDLE DOT}"] * 4]
    to_step(page, 3)
    told = [*first.tokens_SP[-1].tolist(), *second.tokens_SP[0].tolist()]
    assert canvas(page) == [WORDS[token] for token in told]
    assert page.look("document.getElementById('t-at').textContent") == "Step 3: step 0 of block 1; the last one is 4"


def test_a_script_in_what_a_model_wrote_does_not_run(
    page: Page, make_check: MakeCheck, make_report: MakeReport, tmp_path: Path
) -> None:
    words = dict.fromkeys(WORDS, HOSTILE)
    one = example(text=HOSTILE, arm=HOSTILE, name=HOSTILE, words=words, values={HOSTILE: (0,)})
    report = make_report(make_check(reason=HOSTILE, evidence={"a": HOSTILE}), suite={"name": HOSTILE})
    page.open(written(tmp_path, render(report, traces=Traces(examples=[one], stored=1))))
    page.look("document.querySelector('#t-canvas .token').click()")
    assert canvas(page)[0] == HOSTILE
    assert page.look("document.getElementById('t-text').textContent") == HOSTILE
    assert page.look("document.querySelectorAll('img').length") == 0
    assert page.look("window.hacked") is None
    assert page.complaints == []


def test_the_policy_stops_a_script_even_where_escaping_failed(
    page: Page, make_report: MakeReport, tmp_path: Path
) -> None:
    text = render(make_report()).replace("<main>", f"<main>{HOSTILE.removeprefix('</script>')}", 1)
    page.open(written(tmp_path, text))
    assert page.look("document.querySelectorAll('img').length") == 1
    assert page.look("window.hacked") is None
    assert len([told for told in page.complaints if "Content Security Policy" in told]) >= 2


def test_control_characters_are_made_visible(page: Page, make_report: MakeReport, tmp_path: Path) -> None:
    strange = {0: "\u202egnp", 1: "\n", 2: "\x00", 3: " ", 4: "\ud800"}
    words = {token: strange[token % 5] for token in WORDS}
    page.open(written(tmp_path, render(make_report(), traces=Traces(examples=[example(words=words)], stored=1))))
    shown = {"\ufffdgnp", "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\ufffd", "\N{OPEN BOX}"}
    assert set(canvas(page)) <= shown


def test_a_place_on_the_critical_path_says_what_it_is(
    page: Page, make_check: MakeCheck, make_report: MakeReport, tmp_path: Path
) -> None:
    counted = {"depth": 10, "cut_at": [], "path": [{"segment": "step", "times": 2, "gates": 5}]}
    context = {"context_length": 8, "candidate": {"opaque": counted, "interpretable": counted}, "applied": counted}
    evidence = {"convention": "circuit", "contexts": [context], "channels": {}}
    check = make_check(type="opaque-depth-ratio", evidence=evidence)
    page.open(written(tmp_path, render(make_report(check))))
    page.look("document.querySelectorAll('.frame')[1].dispatchEvent(new Event('click'))")
    assert page.look("document.querySelector('.flame-words').textContent") == "depth / step: 10 gates, 100.0%"
    assert page.complaints == []
