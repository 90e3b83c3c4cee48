"""Pauses as heard in the shipped voice."""

from __future__ import annotations

from tts.synthesizer import Synthesizer


def test_pause_is_as_long_as_asked_and_silent():
    """Found by energy in the shipped voice: longer by the difference, within a frame, between the
    words, and the level of its background."""
    voice = Synthesizer.from_pretrained(device="cpu")
    quiet = {}
    for milliseconds in (300, 800):
        text = f"We came home [pause {milliseconds}ms] and then we slept."
        speech = voice.synthesize(text)
        level = speech.waveform.unflatten(0, (-1, 256)).square().mean(dim=1).log10() * 10
        home, then = speech.words[2], speech.words[3]
        rate = speech.sample_rate_hz / 256
        gap = slice(round(home.end_seconds * rate), round(then.start_seconds * rate))
        assert gap.stop - gap.start == round(milliseconds / 1000 * rate)
        silent = level[gap.start : gap.stop + 5] < level.max() - 24
        quiet[milliseconds] = int(silent.sum())
        assert abs(quiet[milliseconds] - milliseconds / 1000 * rate) <= 3
        middle = level[gap.start + 8 : gap.stop - 4]
        assert middle.max() < level.max() - 28
    assert abs(quiet[800] - quiet[300] - 0.5 * rate) <= 1
