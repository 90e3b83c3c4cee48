"""The pictures of the demo in docs/images: every tab on light and dark pages and on a phone.

pip install -c constraints.txt ".[demo,browser]"    # and a Chromium, see docs/demo.md
python docs/demo_pictures.py --recording talk.wav --output-dir docs/images
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tts.demo.page import build_demo, launch
from tts.synthesizer import Synthesizer

PATIENCE_MS = 900_000
DESK, PHONE = (1200, 600), (390, 844)
LOOKS = {"": (DESK, False), "-dark": (DESK, True), "-phone": (PHONE, False)}
WORD = "noise"
# Stops in the midst of a word, where something is marked.
TO_WORD = """(said) => {
  const player = document.querySelector('#st-audio');
  const word = [...document.querySelectorAll('.st-words span')].find((e) => e.innerText === said);
  player.pause();
  player.currentTime = (Number(word.dataset.s) + Number(word.dataset.e)) / 2;
}"""


def button(page: Any, name: str) -> Any:
    """A button of the page."""
    return page.get_by_role("button", name=name, exact=True)


def speak(page: Any) -> None:
    """Say the sentence that stands there."""
    button(page, "Speak").click()
    page.wait_for_function("document.querySelector('.st-track')?.dataset.whole")
    page.wait_for_timeout(2000)
    page.evaluate(TO_WORD, WORD)
    page.wait_for_function("document.querySelector('.st-words .st-now')")


def flow(page: Any) -> None:
    """Fill all three parts."""
    button(page, "Compare").click()
    page.get_by_role("heading", name="32 steps").wait_for()
    button(page, "Walk").click()
    slider = page.get_by_role("slider", name=re.compile("^Time"))
    slider.wait_for()
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    button(page, "Measure").click()
    page.locator(".st-bends svg.st-chart").wait_for()


def copy(page: Any, recording: Path) -> None:
    """Copy a recording."""
    with page.expect_response(re.compile("/upload")):
        page.locator("input[type=file]").last.set_input_files(recording)
    page.get_by_role("button", name="Play").first.wait_for()
    button(page, "Copy").click()
    page.get_by_text(re.compile("^[0-9]+ copies")).wait_for()


def take(page: Any, name: str, directory: Path) -> None:
    """A picture of each look."""
    for look, ((width, height), dark) in LOOKS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_timeout(2000)
        path = directory / f"{name.lower()}{look}.png"
        page.screenshot(path=path, full_page=True, animations="disabled")
        print(path, flush=True)
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.emulate_media(color_scheme="light")
    page.evaluate("document.body.classList.remove('dark')")


def main() -> None:
    """Use the page and take its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recording", type=Path, required=True, help="Sound of a few seconds.")
    parser.add_argument("--output-dir", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    voice = Synthesizer.from_pretrained(device="cpu")
    voice.synthesize("Ready.")
    demo = build_demo(voice)
    address = launch(demo)
    fill = {"Speak": speak, "Flow": flow, "Vocoder": lambda page: copy(page, arguments.recording)}
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("STRAIGHTTALK_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": DESK[0], "height": DESK[1]})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        for name, act in fill.items():
            page.get_by_role("tab", name=name).click()
            act(page)
            take(page, name, arguments.output_dir)
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
