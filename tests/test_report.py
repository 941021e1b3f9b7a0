"""The report of a run: one file, whole in itself, that opens without a network and works by keyboard."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_folder

import pellucid as pl
from pellucid.glass.report import Material, page
from pellucid.glass.report.pictures import chart, coloured, heat, png
from pellucid.metrics import Evaluation
from pellucid.recipe import find

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "img", "br", "input", "link", "hr"}


class Nesting(HTMLParser):
    """Reads a page and remembers what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        for name in ("aria-controls", "aria-describedby", "aria-labelledby"):
            self.references += (given.get(name) or "").split()
        for name in ("src", "href"):
            self.addresses += [given[name] or ""] if name in given else []
        if tag == "img" and not given.get("alt"):
            self.wrong.append("an image without words")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def read(page: Path) -> Nesting:
    parser = Nesting()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("report") / "digits")


@pytest.mark.parametrize(
    "words",
    [
        ("784-16-10", "--epochs", 3, "--validation", 0.1),
        ("1x28x28-4C5-MP2-BN-R(4C3p1-BN-4C3p1)-GAP-10", "--optimizer", "adam"),
        ("784-8-10", "--learning-rate", 1e-9),
        ("784-8:tanh-10", "--output", "sigmoid", "--loss", "squared_error"),
    ],
    ids=["mlp", "residual", "untrained", "sigmoid"],
)
def test_every_run_leaves_a_report_that_is_whole_in_itself(pellucid: Any, digits: Path, words: tuple[Any, ...]) -> None:
    result = pellucid("train", *words, "--data", digits, "--out", "run")
    assert result.code == 0
    assert "its report run/report.html" in result.out
    page = Path("run/report.html")
    assert page.stat().st_size < 5e6
    found = read(page)
    assert (found.wrong, found.open) == ([], [])
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in found.addresses)
    assert {address[1:] for address in found.addresses if address.startswith("#")} <= set(found.ids)


def test_it_says_what_the_run_came_to(pellucid: Any, digits: Path) -> None:
    result = pellucid("train", "784-16-10", "--data", digits, "--out", "run", "--json").json
    text = Path("run/report.html").read_text(encoding="utf-8")
    assert f"{result['test_accuracy']:.2%}" in text
    tested = pellucid("test", "run", "--data", digits, "--json").json
    cells = dict(re.findall(r'aria-label="(\d taken for \d): ([\d,]+), show', text))
    for true, row in enumerate(tested["confusion"]):
        for said, count in enumerate(row):
            assert int(cells.get(f"{true} taken for {said}", "0")) == count
    surest = tested["mistakes"][0]
    assert f"The surest is test image {surest['index']}" in text
    assert "architecture = &quot;784-16-10&quot;" in text


def test_report_writes_the_page_of_a_finished_run_again(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--out", "run")
    written = Path("run/report.html").read_bytes()
    Path("run/report.html").unlink()
    assert pellucid("report", "run").code == 0
    assert Path("run/report.html").read_bytes() == written
    assert pellucid("report", "run", "--out", "other.html", "--json").json == {
        "report": "other.html",
        "bytes": len(written),
    }
    Path("run/result.json").unlink()
    assert "not finished" in pellucid("report", "run").err
    assert pellucid("report", "nowhere").code == 2


def test_many_classes_and_long_names_are_no_trouble(pellucid: Any, tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(30):
        folder = tmp_path / "pictures" / f"<a & very long name of class number {number}>"
        folder.mkdir(parents=True)
        for index in range(6):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    assert pellucid("train", "*-8-*", "--data", tmp_path / "pictures", "--out", "run").code == 0
    found = read(Path("run/report.html"))
    assert (found.wrong, found.open) == ([], [])
    text = Path("run/report.html").read_text(encoding="utf-8")
    assert "&lt;a &amp; very long name" in text
    assert "30 classes are too many for a table here" in text


def test_other_images_are_what_the_page_tells_of_then(pellucid: Any, tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("all/a", "all/b", "all/c", "two of them/b", "two of them/c"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for index in range(6):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{index}.png")
    assert pellucid("train", "*-4-*", "--data", tmp_path / "all", "--out", "run").code == 0
    other = tmp_path / "two of them"
    assert pellucid("report", "run", "--out", "other.html", "--data", other).code == 0
    text = unescape(Path("other.html").read_text(encoding="utf-8"))
    assert f": {pellucid('test', 'run', '--data', other, '--json').json['accuracy']:.2%} on" in text
    shown = re.findall(r"<p>Test image \d+, (\w): every tensor", text)
    assert re.findall(r'<th scope="row">(\w)</th>(?:(?!</tr>).)*what it shows', text) == shown
    assert f"pellucid train run/recipe.toml --data {tmp_path / 'all'}\n" in text
    assert f"pellucid test run --data '{other}'\n" in text


def test_a_committee_names_the_run_of_a_member(pellucid: Any, digits: Path) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--members", 2, "--epochs", 1, "--out", "run")
    result = pellucid("report", "run")
    assert (result.code, pellucid("report", result.err.split()[-1]).code) == (2, 0)


@pytest.mark.parametrize(
    ("architecture", "shape", "classes"),
    [
        ("3x64x64-GAP-20", (64, 64, 3), 20),
        ("1x28x28-4C3p1-" + "R(4C3p1-BN-4C3p1-BN)-" * 8 + "GAP-10", (28, 28), 10),
    ],
    ids=["large images of many classes", "many layers"],
)
def test_no_page_is_larger_than_5_mb(architecture: str, shape: tuple[int, ...], classes: int) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (1000, *shape), dtype=np.uint8), np.arange(1000) % classes
    test = pl.data.Dataset(images, labels, tuple(map(str, range(classes))))
    network = pl.Network(architecture, classes=test.classes)
    outputs, predicted = rng.random((1000, classes)), rng.integers(0, classes, 1000)
    history: dict[str, list[float]] = {"loss": [1], "accuracy": [0.5], "validation_loss": [], "validation_accuracy": []}
    numbers = ("parameters", "epochs", "train_seconds", "images_per_second", "threads")
    result = dict.fromkeys(numbers, 1) | {"engine": "native", "run": "run"}
    material = Material(
        find("p03"), result, history, {}, "mnist", "mnist", network, test,
        Evaluation(outputs, labels, predicted, 1.0, test.classes),
    )  # fmt: skip
    text = page(material)
    assert len(text.encode()) < 5e6
    assert text.count("show images") == np.count_nonzero(material.evaluation.confusion)


# Pictures


def test_a_png_is_what_pillow_reads() -> None:
    import io
    from base64 import b64decode

    from PIL import Image

    rng = np.random.default_rng(0)
    for shape in [(1, 1), (28, 28), (5, 9, 3)]:
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        content = b64decode(png(pixels).removeprefix("data:image/png;base64,"))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)


def test_colours_are_symmetric_around_white() -> None:
    colours = coloured(np.array([[-2.0, -1, 0, 1, 2, np.nan]]), 2.0)[0]
    assert colours[2].tolist() == colours[5].tolist() == [255, 255, 255]
    assert colours[0][2] > colours[0][0]
    assert colours[4][0] > colours[4][2]


@pytest.mark.parametrize("shape", [(1, 1), (128, 1), (100, 784), (33, 129), (4, 9, 5, 5, 1)])
def test_a_heat_map_keeps_the_mean_of_a_matrix(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    drawn = heat("dense1/W", 1, values, images=False)
    rows = np.array(json.loads(unescape(re.findall(r'data-values="([^"]+)"', drawn)[0])))
    assert rows.shape[0] <= 32
    assert rows.shape[1] <= 128
    if shape[0] % rows.shape[0] == 0 and values.size % rows.size == 0:
        assert rows.mean() == pytest.approx(values.mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "down", "across", "after"),
    [
        ((4, 7), "4", "7", ""),
        ((10, 1), "", "10", "0"),
        ((7,), "", "7", ""),
        ((6, 1, 5, 5), "6", "1 5 5", ""),
        ((2, 9, 3, 4, 1), "2 9", "3 4", "0"),
    ],
)
def test_a_heat_map_knows_the_axes_of_its_tensor(shape: tuple[int, ...], down: str, across: str, after: str) -> None:
    drawn = heat("x", 1, np.zeros(shape), images=False)
    assert f'data-down="{down}" data-across="{across}" data-after="{after}"' in drawn


@pytest.mark.parametrize("images", [False, True])
def test_what_is_not_finite_has_no_number(images: bool) -> None:
    values = np.array([[[[np.inf], [1.0]], [[-np.inf], [np.nan]]]])
    numbers = json.loads(unescape(re.findall(r'data-values="([^"]+)"', heat("x", 1, values, images))[0]))
    assert [number for row in numbers for number in row] == [None, 1.0, None, None]


@pytest.mark.parametrize("cells", [16, 300, 4096])
def test_a_heat_map_has_no_more_cells_than_it_may(cells: int) -> None:
    for shape in [(100, 784), (8, 28, 28, 1), (64, 1)]:
        drawn = heat("x", 1, np.ones(shape), images=len(shape) == 4, cells=cells)
        assert len(re.findall(r"1\.0", drawn.split("data-values=")[1])) <= cells


def test_the_legend_of_a_chart_has_room_for_long_names() -> None:
    names = [f"experiments/in/a/folder/far/away/{name}" for name in ("first", "second")]
    drawn = chart("loss", {name: [1.0, 0.5] for name in names}, "words")
    legend = re.findall(r'<text x="([\d.]+)" y="33">([^<]+)</text>', drawn)
    assert [name.split("/")[-1] for _, name in legend] == ["first", "second"]
    assert all(float(x) + 7 * len(name) <= 480 for x, name in legend)


@pytest.mark.parametrize("line", [[0.5], [0.5, 0.5], [0.0, 0.0, 0.0], [1e-9, 1e9], [np.nan, 1.0], list(range(300))])
def test_a_chart_stays_within_its_frame(line: list[float]) -> None:
    drawn = chart("loss", {"training": line}, "words")
    points = [tuple(map(float, pair.split(","))) for pair in re.findall(r'points="([^"]*)"', drawn)[0].split()]
    assert all(0 <= x <= 480 and 0 <= y <= 300 for x, y in points)


# In a browser


@pytest.fixture(scope="module")
def browser() -> Any:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        window = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield window
        window.close()


def test_it_opens_from_a_file_and_every_part_works_by_keyboard(pellucid: Any, digits: Path, browser: Any) -> None:
    pellucid("train", "1x28x28-4C5-MP2-10", "--data", digits, "--out", "run")
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        troubles: list[str] = []
        page.on("console", lambda message, told=troubles: told.append(message.text))
        page.on("pageerror", lambda error, told=troubles: told.append(str(error)))
        page.on("request", lambda request, told=troubles: told.append(request.url))
        page.goto(Path("run/report.html").absolute().as_uri())

        cell = page.locator(".confusion button").first
        cell.focus()
        page.keyboard.press("Enter")
        panel = page.locator(f"#{cell.get_attribute('aria-controls')}")
        assert panel.is_visible()
        assert panel.locator("img").count() > 0
        page.keyboard.press("Escape")
        assert not panel.is_visible()

        first = page.locator(".heat").first
        first.focus()
        said = page.locator(f"#{first.get_attribute('aria-describedby')}")
        before = said.inner_text()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert said.inner_text() != before
        assert re.fullmatch(r"conv1/X\[.+\] = (on average )?-?[\d.e-]+", said.inner_text())
        first.hover()
        assert "conv1/X[" in said.inner_text()

        logits = page.locator('.heat[data-name="dense1/z"]')
        logits.focus()
        page.keyboard.press("ArrowRight")
        words = page.locator(f"#{logits.get_attribute('aria-describedby')}").inner_text()
        assert words.startswith("dense1/z[1, 0] = ")  # as --cell dense1/z/1/0 has it
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 0

        summary = page.locator("summary", has_text="Backward")
        summary.focus()
        page.keyboard.press("Enter")
        assert page.locator("strong", has_text="conv1/dW").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert [trouble for trouble in troubles if not trouble.startswith(("file:", "data:"))] == []
        page.close()


@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_telephone_and_a_desk(pellucid: Any, digits: Path, browser: Any, width: int) -> None:
    pellucid("train", "784-8-10", "--data", digits, "--out", "run")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(Path("run/report.html").absolute().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


@pytest.mark.parametrize("values", [[0.917, 0.9999], [1.0, 1.0], [0.0], [0.0, 1.0]])
def test_no_accuracy_is_drawn_above_1(values: list[float]) -> None:
    marks = [
        float(mark) for mark in re.findall(r'text-anchor="end">([^<]+)<', chart("accuracy", {"training": values}, ""))
    ]
    assert marks == sorted(marks)
    assert (marks[0] <= min(values), max(values) <= marks[-1] <= 1) == (True, True)
