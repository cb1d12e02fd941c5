"""The page in a browser: what moves, what is told, what fits; skipped where there is none."""

import re
import shutil

import pytest
import record_builders as build

from experiments import report

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell", "chrome")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium: playwright's own, or one that is installed."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = [path for path in map(shutil.which, INSTALLED) if path]
    with api.sync_playwright() as playwright:
        opened = None
        for path in (None, *found):
            try:
                # Containers run as root, and have no sandbox then.
                opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                break
            except api.Error as error:
                reason = str(error).strip().split("\n")[0]
        if opened is None:
            pytest.skip(f"no browser starts: {reason}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = build.everything(tmp_path_factory.mktemp("records"))
    out = tmp_path_factory.mktemp("out") / "report"
    return report.main(report.Config(records=(folder,), out=out)).as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the page; at the end nothing may have been complained of, nor asked for elsewhere."""
    contexts, said, asked = [], [], []

    def visit(width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", address))] == []


def clip(page):
    style = "getComputedStyle(document.querySelector('.compare .is-left')).clipPath"
    return page.evaluate(style)


def test_the_images_are_there(visit):
    page = visit()
    widths = page.evaluate("[...document.images].map(one => one.naturalWidth)")
    assert len(widths) == 10
    assert min(widths) > 0


def test_a_slider_moves_by_keyboard(visit):
    page = visit()
    before = clip(page)
    page.focus(".compare input")
    page.keyboard.press("ArrowRight")
    assert page.input_value(".compare input") == "51"
    assert clip(page) != before
    page.keyboard.press("Home")
    assert page.input_value(".compare input") == "0"


def test_a_slider_moves_by_mouse_on_the_image_and_on_itself(visit):
    page = visit()
    for target in (".compare .stack", ".compare input"):
        page.locator(target).first.scroll_into_view_if_needed()
        box = page.locator(target).first.bounding_box()
        y = box["y"] + box["height"] / 2
        seen = set()
        for share in (0.2, 0.8):
            page.mouse.move(box["x"] + 0.5 * box["width"], y)
            page.mouse.down()
            page.mouse.move(box["x"] + share * box["width"], y, steps=3)
            page.mouse.up()
            value = float(page.input_value(".compare input"))
            assert value == pytest.approx(100 * share, abs=5)
            seen.add(clip(page))
        assert len(seen) == 2


def test_what_is_on_a_side_can_be_chosen(visit):
    page = visit()
    page.select_option(".compare select[data-side=left]", "reconstruction error")
    shown = page.evaluate(
        "[...document.querySelector('.compare').querySelectorAll('.view')]"
        ".filter(one => getComputedStyle(one).visibility === 'visible')"
        ".map(one => one.dataset.view)"
    )
    assert sorted(shown) == ["reconstruction", "reconstruction error"]


def test_a_point_tells_its_run_on_focus_and_arrows_go_on(visit):
    page = visit()
    page.focus("#rate-kodak-wide .mark[tabindex='0']")
    first = page.inner_text("#tip")
    assert re.match(r"transform coding, rate 1\n0\.\d+ bits a pixel, PSNR \d+\.\d+ dB, SSIM", first)
    for part in ("parameters", "multiply-adds a pixel", "trained for", "encodes a megapixel in"):
        assert part in first
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#tip").startswith("transform coding, rate 2\n")
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")


def test_a_point_tells_its_run_under_the_pointer_and_to_a_finger(visit):
    page = visit()
    page.hover("#rate-kodak-wide .mark.s1 >> nth=0")
    assert page.inner_text("#tip").startswith("hyperprior, GDN, rate 1\n")
    phone = visit(390, has_touch=True)
    phone.tap("#rate-kodak-narrow .mark.s1 >> nth=0")
    assert phone.inner_text("#tip").startswith("hyperprior, GDN, rate 1\n")
    box = phone.locator("#tip").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_every_drawing_is_one_stop_of_the_tab_key_and_has_its_name(visit):
    page = visit()
    found = page.evaluate(
        "[...document.querySelectorAll('svg.plot')].map(one => "
        "[one.getAttribute('aria-label'), one.querySelectorAll('[tabindex=\"0\"]').length, "
        "one.querySelectorAll('.mark').length])"
    )
    assert len(found) > 20
    assert all(name and stops == min(marks, 1) for name, stops, marks in found)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(visit, width):
    page = visit(width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelectorAll('svg.plot text').length") > 100
    # Words that run out of their drawing would be cut off at the window's edge.
    outside = page.evaluate(
        "[...document.querySelectorAll('svg.plot text')].filter(one => {"
        " const box = one.getBoundingClientRect();"
        " return box.width && (box.left < 0 || box.right > innerWidth);"
        "}).map(one => one.textContent)"
    )
    assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper(visit, scheme):
    page = visit(color_scheme=scheme)
    pairs = page.evaluate(
        "[...document.querySelectorAll('p, td, th, figcaption, summary, nav a')].map(one => ["
        "getComputedStyle(one).color, getComputedStyle(document.body).backgroundColor])"
    )
    pairs += page.evaluate(
        "[...document.querySelectorAll('svg.plot text')].map(one => ["
        "getComputedStyle(one).fill, getComputedStyle(document.body).backgroundColor])"
    )
    assert min(contrast(*pair) for pair in map(tuple, pairs)) >= 4.5


def contrast(one, other):
    """The WCAG contrast of two CSS colours."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_toggle_turns_light_to_dark_and_back(visit):
    page = visit(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme")
    assert page.evaluate(paper) != light
    page.click("#theme")
    assert page.evaluate(paper) == light


def test_on_paper_there_are_no_controls_and_every_image_is_there(visit):
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    for name in ("nav", ".controls", "#theme"):
        assert page.is_hidden(f"{name} >> nth=0")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    views = page.evaluate(
        "[...document.querySelectorAll('.view')].map(one => [getComputedStyle(one).visibility, "
        "getComputedStyle(one).clipPath, getComputedStyle(one).position])"
    )
    assert {tuple(view) for view in views} == {("visible", "none", "static")}
    assert page.pdf()[:5] == b"%PDF-"


def test_without_scripts_everything_is_still_there(visit):
    page = visit(java_script_enabled=False)
    assert page.is_hidden("#theme")
    assert page.is_hidden(".controls >> nth=0")
    assert page.locator(".view").count() == 10
    for view in page.locator(".view").all():
        assert view.is_visible()
    title = page.locator("#rate-kodak-wide .mark title").last.text_content()
    assert title.startswith("plain, one rate\n")
