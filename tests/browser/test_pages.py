"""The pages as a cheap telephone and a desk show them, with scripts switched off."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from monitor.fault import Kind
from tests.monitor.web.village import BLACKOUT, Village

pytestmark = pytest.mark.chromium

PAGES = {
    "fleet": "",
    "commune": "communes/fatoma",
    "silent-commune": f"communes/{BLACKOUT}",
    "lamp": "lamps/fatoma-07",
    "lamp-7-days": "lamps/fatoma-05?days=7",
    "case": "cases/{dark}",
    "cases": "cases",
    "help": "aide",
    "fleet-english": "?lang=en",
    "not-found": "lamps/nowhere-99",
}
WIDTHS = (360, 1280)
Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Opener]:
    """Opens a page of a given width without scripts, and holds against it whatever the console says."""
    contexts = []
    complaints: list[str] = []

    def open_page(path: str, width: int = 360) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 740}, locale="fr-FR", java_script_enabled=False
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{path}: {message.text}"))
        page.on("requestfailed", lambda request: complaints.append(f"{path}: {request.url} failed"))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((address, "data:")) else complaints.append(f"{path}: asks {request.url}")
            ),
        )
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [said for said in complaints if "nowhere-99" not in said] == []


def dark(village: Village) -> int:
    return next(case.id for case in village.casebook.cases(open_only=True, kind=Kind.DARK))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen_and_begins_with_the_answer(
    opened: Opener, village: Village, screenshots: Path, name: str, width: int
) -> None:
    page = opened(PAGES[name].format(dark=dark(village)), width)
    page.screenshot(path=screenshots / f"{name}-{width}.png", full_page=True)
    assert page.locator("html").evaluate("e => e.scrollWidth") <= width
    heading = page.locator("h1")
    expect(heading).to_be_visible()
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 740, "the answer is not on the first screen"
    assert float(heading.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 26
    assert page.locator("body").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16


@pytest.mark.parametrize("name", ["fleet", "commune", "lamp", "case", "cases", "help"])
def test_text_is_dark_on_white_and_big_enough_to_read_and_to_touch(opened: Opener, village: Village, name: str) -> None:
    page = opened(PAGES[name].format(dark=dark(village)))
    small = page.locator("main").evaluate(
        """main => [...main.querySelectorAll('*')].filter(e => !e.closest('svg') && e.checkVisibility() &&
            [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
            parseFloat(getComputedStyle(e).fontSize) < 12).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert small == []
    pale = page.locator("main").evaluate(
        """main => [...main.querySelectorAll('p, td, th, dd, dt, li, a, span, div, label')].filter(e => {
            const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => {
                v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
                return .2126 * r + .7152 * g + .0722 * b; };
            const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
            if (!own || !e.checkVisibility()) return false;
            let ground = e; while (ground && /rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(ground).backgroundColor))
                ground = ground.parentElement;
            const back = ground ? light(getComputedStyle(ground).backgroundColor) : 1;
            const fore = light(getComputedStyle(e).color);
            return (Math.max(back, fore) + .05) / (Math.min(back, fore) + .05) < 4.5;
        }).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert pale == []


def test_one_walks_from_the_fleet_to_the_case_and_back_by_links_alone(opened: Opener) -> None:
    page = opened("")
    page.get_by_role("link", name="Fatoma", exact=False).first.click()
    expect(page.locator("h1")).to_contain_text("éteint")
    page.get_by_role("link", name="Fatoma", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Fatoma")
    page.get_by_role("link", name="07", exact=True).first.click()
    expect(page.locator("h1")).to_contain_text("La lampe fatoma-07 est éteinte depuis 8")
    page.get_by_role("link", name="7 jours").click()
    expect(page.get_by_role("heading", name="Mesures des 7 derniers jours")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Lamp fatoma-07 has been dark for 8 nights")
    page.get_by_role("link", name="TREZOR").click()
    expect(page.locator("h1")).to_contain_text("lamps gave light")


def test_the_map_leads_to_each_commune(opened: Opener) -> None:
    page = opened("", 1280)
    page.locator("svg.map a").filter(has_text="Korombana").click()
    expect(page.locator("h1")).to_contain_text("Korombana")


def test_a_repair_is_reported_without_script(opened: Opener, village: Village) -> None:
    page = opened("lamps/konna-05")
    page.get_by_label("Qu'est-ce qui a été fait").select_option("panel_washed")
    page.get_by_label("Précision").fill("<b>à l'eau</b>")
    page.get_by_label("Par qui").fill("équipe de Konna")
    page.get_by_role("button", name="Signaler").click()
    expect(page.get_by_role("status")).to_have_text("Merci : la réparation est notée.")
    expect(page.locator("main")).to_contain_text("Panneau lavé – <b>à l'eau</b> (équipe de Konna)")
    assert [repair.by for repair in village.casebook.repairs("konna-05")] == ["équipe de Konna"]


def test_a_case_is_taken_on_without_script(opened: Opener, village: Village) -> None:
    case = next(case for case in village.casebook.cases(open_only=True, kind=Kind.PANEL_LOST))
    page = opened(f"cases/{case.id}")
    page.get_by_role("button", name="Je m'en occupe").click()  # the browser itself asks for the role first
    expect(page.get_by_role("button", name="Je m'en occupe")).to_be_visible()
    page.get_by_label("Votre rôle").fill("technicien régional")
    page.get_by_role("button", name="Je m'en occupe").click()
    expect(page.get_by_role("status")).to_contain_text("Noté")
    expect(page.locator("main")).to_contain_text("Prise en charge par technicien régional")
    taken = village.casebook.case(case.id)
    assert taken is not None
    assert taken.acknowledged_by == "technicien régional"


def test_how_the_watch_came_to_it_is_opened_without_script(opened: Opener, village: Village) -> None:
    page = opened(f"cases/{dark(village)}")
    expect(page.get_by_text("a glow is not light")).to_be_hidden()
    page.get_by_text("Comment la surveillance").click()
    expect(page.get_by_text("a glow is not light")).to_be_visible()
    assert page.locator("html").evaluate("e => e.scrollWidth") <= 360


def test_a_page_can_be_printed(opened: Opener, screenshots: Path) -> None:
    page = opened("communes/fatoma", 1280)
    page.emulate_media(media="print")
    expect(page.locator("header nav")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    pdf = page.pdf(format="A4")
    (screenshots / "commune.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize("deficiency", ["deuteranopia", "protanopia", "tritanopia", "achromatopsia"])
def test_the_four_squares_are_told_apart_by_every_eye(opened: Opener, screenshots: Path, deficiency: str) -> None:
    page = opened("aide")
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
    pictures = [page.locator(".legend .sq").nth(i).screenshot() for i in range(4)]
    assert len(set(pictures)) == 4
    page.screenshot(path=screenshots / f"help-{deficiency}.png")
