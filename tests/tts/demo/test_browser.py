"""The page in a real browser: typed into, pressed, heard, on a screen and on a phone."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tts.demo.page import build_demo, launch
from tts.synthesizer import Synthesizer

CHROMIUM = os.environ.get("STRAIGHTTALK_CHROMIUM") or shutil.which("chromium")
MISSING = [
    what
    for what, there in (
        ("gradio", importlib.util.find_spec("gradio")),
        ("playwright", importlib.util.find_spec("playwright")),
        ("chromium (apt install chromium, or $STRAIGHTTALK_CHROMIUM)", CHROMIUM),
    )
    if not there
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
# A busy machine may take its time.
PATIENCE_MS = 300_000
AUDIO = "document.querySelector('#st-audio')"
# Length, loudest sample and what is heard of the sound behind an address.
HEAR = """async (address) => {
  const answer = await fetch(address), bytes = await answer.arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 22050).decodeAudioData(bytes);
  const peak = sound.getChannelData(0).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return [sound.duration, peak];
}"""
# What has no name for those who cannot see it.
NAMELESS = """() => [...document.querySelectorAll('button, input, textarea, select, audio, img')]
  .filter((e) => e.offsetParent && e.type !== 'file')
  .filter((e) => !(e.ariaLabel || e.alt || e.title || e.labels?.length || e.innerText?.trim()
    || e.getAttribute('aria-labelledby')))
  .map((e) => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def address(synthesizer: Synthesizer) -> Iterator[str]:
    demo = build_demo(synthesizer)
    yield launch(demo)
    demo.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE_MS
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    button(page, "Speak").wait_for()
    yield page
    context.close()


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def speak(page: Any, text: str) -> tuple[float, float]:
    """Type, press, and say how long and how loud it is."""
    before = page.evaluate("document.querySelector('.st-track')?.dataset.run || ''")
    page.get_by_role("textbox", name=re.compile("^Text")).fill(text)
    button(page, "Speak").click()
    page.wait_for_function(
        "(run) => { const t = document.querySelector('.st-track');"
        " return t && t.dataset.whole && t.dataset.run !== run; }",
        arg=before,
    )
    duration, peak = page.evaluate(HEAR, page.locator(".st-track").get_attribute("data-whole"))
    return duration, peak


def test_type_press_hear(page, synthesizer):
    """The sound behind the audio element has the synthesizer's length and is not silent."""
    wanted = synthesizer.synthesize("Hello there, world.", speaker="ann")
    duration, peak = speak(page, "Hello there, world.")
    assert duration == pytest.approx(wanted.seconds, abs=0.01)
    assert peak == pytest.approx(float(wanted.waveform.abs().max()), abs=1e-3)
    page.wait_for_function(f"{AUDIO}.readyState > 0")
    assert page.evaluate(f"{AUDIO}.duration") == pytest.approx(wanted.seconds, abs=0.01)
    assert "real-time factor" in page.locator(".st-status").first.inner_text()


def test_sentences_follow_each_other(page, synthesizer):
    """Three sentences play as three sounds or as the whole, to its end."""
    text = "Hello there. It is a fine day. Is it not?"
    duration, _ = speak(page, text)
    assert duration == pytest.approx(synthesizer.synthesize(text, speaker="ann").seconds, abs=0.01)
    assert page.locator(".st-piece").count() == 3
    whole = page.locator(".st-track").get_attribute("data-whole")
    page.wait_for_function(f"(whole) => {AUDIO}.ended && {AUDIO}.src.endsWith(whole)", arg=whole)
    assert page.evaluate(f"{AUDIO}.duration") == pytest.approx(duration, abs=0.01)


def test_what_is_heard_is_marked(page):
    """At the middle of a word the word and one sound are marked, and nothing else."""
    speak(page, "Hello there, world.")
    page.wait_for_function(f"{AUDIO}.readyState > 0")
    word = page.locator(".st-words span", has_text="there")
    middle = (float(word.get_attribute("data-s")) + float(word.get_attribute("data-e"))) / 2
    page.evaluate(f"(t) => {{ {AUDIO}.pause(); {AUDIO}.currentTime = t; }}", middle)
    page.wait_for_function("document.querySelector('.st-words .st-now')?.innerText === 'there'")
    assert page.locator(".st-words .st-now").count() == 1
    assert page.locator(".st-phonemes .st-now").count() <= 1


def test_twice_the_speed_is_half_as_long(page):
    """The slider's number goes into the synthesis."""
    slow, _ = speak(page, "Hello there, my dear old world.")
    page.get_by_text("How it speaks").click()
    field = page.get_by_role("spinbutton", name=re.compile("Speed"))
    field.fill("2")
    field.press("Tab")
    # The slider follows the number; until then the page has not heard of it.
    slider = page.get_by_role("slider", name=re.compile("Speed"))
    page.wait_for_function("(slider) => slider.value === '2'", arg=slider.element_handle())
    fast, _ = speak(page, "Hello there, my dear old world.")
    assert fast == pytest.approx(slow / 2, rel=0.15)


def test_everything_can_be_saved(page, tmp_path):
    """WAV, SRT and TextGrid."""
    speak(page, "Hello there.")
    starts = {"speech.wav": b"RIFF", "speech.srt": b"1\n00:", "speech.TextGrid": b"File type"}
    for link in page.locator(".st-links a").all():
        with page.expect_download() as download:
            link.click()
        name = download.value.suggested_filename
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(starts.pop(name))
    assert not starts


def test_edited_phonemes_are_spoken(page):
    """The words on the strip are the phonemes' own."""
    speak(page, "Hello.")
    page.get_by_text("How it was read").click()
    page.get_by_role("textbox", name=re.compile("^Phonemes")).fill("ɡˈʊd dˈeɪ")
    button(page, "Speak the phonemes").click()
    page.locator(".st-words span", has_text="dˈeɪ").wait_for()


def test_a_mistake_is_said_in_the_page(page):
    """And nothing else happens."""
    page.get_by_role("textbox", name=re.compile("^Text")).fill("   ")
    button(page, "Speak").click()
    page.get_by_role("alert").filter(has_text="nothing to say").wait_for()


def test_flow(page):
    """Five cards that sound; the slider walks by keyboard; the bends are drawn."""
    page.get_by_role("tab", name="Flow").click()
    page.get_by_role("textbox", name="Sentence").fill("Hi there.")
    button(page, "Compare").click()
    page.get_by_role("heading", name="32 steps").wait_for()
    sounds = [a.get_attribute("src") for a in page.locator(".st-card audio").all()]
    assert len(sounds) == 5
    # One step of an untrained flow ends in the middle of all sounds, which is silence.
    assert all(page.evaluate(HEAR, sound)[1] > 0 for sound in sounds[1:])
    button(page, "Walk").click()
    slider = page.get_by_role("slider", name=re.compile("^Time"))
    slider.wait_for()
    first = page.locator(".st-walk audio").get_attribute("src")
    slider.focus()
    page.keyboard.press("End")
    assert page.locator(".st-walk output").inner_text() == "t = 1, speech"
    assert page.locator(".st-walk audio").get_attribute("src") != first
    button(page, "Measure").click()
    page.locator(".st-bends svg.st-chart").wait_for()


def test_vocoder(page, recording, tmp_path):
    """A recording and its copies; a text that calls itself .wav is refused in a sentence."""
    page.get_by_role("tab", name="Vocoder").click()
    for content, seen in ((recording, "Griffin-Lim"), (b"This is text.", None)):
        path = tmp_path / f"{'talk' if seen else 'text'}.wav"
        path.write_bytes(content)
        if page.get_by_role("button", name="Clear").count():
            page.get_by_role("button", name="Clear").first.click()
        with page.expect_response(re.compile("/upload")):
            page.locator("input[type=file]").last.set_input_files(path)
        page.wait_for_timeout(2000)
        button(page, "Copy").click()
        if seen:
            page.get_by_role("heading", name=seen).wait_for()
            assert page.locator(".st-card figure").count() == 7
        else:
            page.get_by_role("alert").filter(has_text="the audio").wait_for()


def test_keyboard_alone(page):
    """Tab to the text, type, Shift and Enter; the player can be reached."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("Keys are enough.")
    page.keyboard.press("Shift+Enter")
    page.locator(".st-links").wait_for()
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"st-audio", "st-scroll"} <= reached


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out_and_everything_has_a_name(page, width):
    """No tab is wider than the screen; controls and pictures have names."""
    page.set_viewport_size({"width": width, "height": 844})
    speak(page, "Hello there. The shortest way is a straight line, as everybody knows.")
    for tab in ("Speak", "Flow", "Vocoder"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(NAMELESS) == []


def test_nothing_comes_from_elsewhere(browser, address):
    """Fonts, scripts and all else are asked of this machine alone."""
    asked = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, timeout=PATIENCE_MS)
    button(page, "Speak").wait_for(timeout=PATIENCE_MS)
    elsewhere = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    page.close()
    assert elsewhere == []
