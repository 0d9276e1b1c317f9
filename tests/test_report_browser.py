"""The report in a browser, where Chromium and playwright are here: with keys alone, in the dark, on a narrow screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import small_run

from evoneuro.report.gather import gather
from evoneuro.report.report_page import report_page

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    out = folder / "report.html"
    run = small_run(folder, "cartpole", parameters={"max_steps": 40})
    out.write_text(report_page(gather([run])), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser: Any, file: Path, width: int = 1280, scheme: str = "light", **options: Any) -> Any:
    """The page, with what went wrong and what was asked of the network in `page.complaints`."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options).new_page()
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda r: page.complaints.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_and_nothing_goes_wrong(browser: Any, file: Path, width: int) -> None:
    page = opened(browser, file, width)
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_network_is_opened_and_closed_by_keys(browser: Any, file: Path) -> None:
    page = opened(browser, file)
    points = page.locator("svg[data-chart^=front] >> nth=0").locator(".dot[role]")
    assert points.count() > 1
    page.evaluate("document.querySelector('svg[data-chart^=front] .dot[tabindex=\"0\"]').focus()")
    first = page.evaluate("document.activeElement.dataset.net")
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.dataset.net")
    assert second != first
    assert page.locator("#tip svg.net").count() == 1
    page.keyboard.press("Enter")
    assert page.locator("dialog[open] h2").inner_text() == f"Network {second}"
    assert page.locator("dialog[open] svg.net").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.complaints == []


def test_the_player_steps_and_marks_the_steps_of_each_decision(browser: Any, file: Path) -> None:
    page = opened(browser, file)
    slider = page.locator("[data-player] input")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("[data-player] output").inner_text().startswith("Decision 1:")
    assert page.locator(".stage > div:not([hidden])").count() == 1
    assert page.locator('.span.now[data-at="1"]').count() == 2  # of spikes and of potentials


def test_colours_follow_the_system_until_they_are_switched(browser: Any, file: Path) -> None:
    page = opened(browser, file, scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("#theme").click()
    assert page.evaluate(background) != dark
    assert page.locator("#theme").inner_text() == "Dark"


def test_tables_are_sorted(browser: Any, file: Path) -> None:
    page = opened(browser, file)
    head = page.locator("#front th", has_text="synapses")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    found = page.evaluate("[...document.querySelectorAll('#front tbody tr')].map(r => +r.cells[6].dataset.value)")
    assert found == sorted(found, reverse=True)


def test_without_scripts_everything_is_still_there(browser: Any, file: Path) -> None:
    page = opened(browser, file, java_script_enabled=False)
    assert page.locator("svg.chart").count() >= 8
    assert page.locator("#front tbody tr").count() >= 1
    assert not page.locator(".controls").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, file: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for width in (390, 1280):
        page = opened(browser, file, width, scheme, bypass_csp=True)
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
