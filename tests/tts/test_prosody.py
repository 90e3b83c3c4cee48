"""Rates, pauses and emphasis, from the marks in a text to the sound."""

from __future__ import annotations

import re

import pytest
import torch

from core.errors import InputError
from text.marks import EMPHASIS_RATE
from tts.options import Options, read_pauses
from tts.prosody import Hold, hold, token_speeds
from tts.speech import join
from tts.synthesizer import Synthesizer
from tts.timings import FORMATS, Timings

MARKED = (
    "[pause 1s]We came [rate 0.5]home, and[/rate] [pause 300ms] slept. [emphasis]No[/emphasis]!"
)


@pytest.fixture(scope="module")
def voice(tiny_voice):
    return Synthesizer.from_pretrained(tiny_voice, device="cpu")


def frames_of(speech):
    """Frames of each word, and of the whole speech."""
    hop = speech.hop_samples / speech.sample_rate_hz
    words = {w.text: round((w.end_seconds - w.start_seconds) / hop) for w in speech.words}
    return words, speech.mel.shape[1]


def test_what_a_pause_lacks_is_silent():
    """It goes to the blank after the mark, never to the mark, unless there are no blanks."""
    held, _ = hold(torch.tensor([[1, 2, 3, 4, 5, 6, 7]]), [[Hold(1, 2, 20)]], blanks=True)
    assert held.tolist() == [[1, 2, 3, 4, 16, 6, 7]]
    held, _ = hold(torch.tensor([[2, 4, 6]]), [[Hold(1, 2, 20)]], blanks=False)
    assert held.tolist() == [[2, 20, 6]]


@pytest.mark.parametrize("blanks", [False, True])
def test_held_ids_last_as_long_as_wanted_and_the_others_as_before(blanks):
    """Shorter and longer than predicted, but never less than a frame a token."""
    generator = torch.Generator().manual_seed(0)
    tokens = 2 * 6 + 1 if blanks else 6
    durations = torch.randint(1, 9, (3, tokens), generator=generator)
    for frames in (1, 2, 5, 9, 40):
        made, before = hold(durations, [[], [Hold(2, 4, frames)], []], blanks=blanks)
        held = slice(5, 9) if blanks else slice(2, 4)
        least = held.stop - held.start
        assert int(made[1, held].sum()) == max(frames, least)
        assert bool((made >= 1).all())
        made[1, held] = durations[1, held]
        assert torch.equal(made, durations)
        assert not before.any()


def test_pause_before_the_first_id_is_added_to_the_first_blank():
    """And told of; without blanks there is nothing silent to lengthen."""
    durations = torch.full((2, 5), 3)
    made, before = hold(durations, [[Hold(0, 0, 7)], []], blanks=True)
    assert made.tolist() == [[10, 3, 3, 3, 3], [3] * 5]
    assert before.tolist() == [7, 0]
    with pytest.raises(InputError, match="must follow a word"):
        hold(durations, [[Hold(0, 0, 7)], []], blanks=False)


def test_blank_is_as_fast_as_its_id():
    """The first blank as the first id; one speed for all is left as it is."""
    ids = torch.zeros(1, 3, dtype=torch.long)
    speeds = torch.tensor([[1.0, 2.0, 3.0]])
    assert token_speeds(speeds, ids, blanks=True).tolist() == [[1, 1, 1, 2, 2, 3, 3]]
    assert token_speeds(speeds, ids, blanks=False).tolist() == [[1, 2, 3]]
    assert token_speeds(0.5, ids, blanks=True).shape == ()


@pytest.mark.parametrize("speed", [1.0, 0.7])
def test_without_marks_not_a_bit_changes(voice, speed):
    """The mel is that of the acoustic model asked for one speed."""
    text = "We came home, and then [sic] we slept."
    said = voice.frontend.process(text)
    ids = torch.tensor([said.ids])
    lengths = torch.tensor([ids.shape[1]])
    plain = voice.acoustic.synthesise(ids, lengths, [3], speed=speed)
    assert torch.equal(voice.synthesize(text, seed=3, speed=speed).mel, plain.log_mel[0])


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25])
def test_words_of_a_rate_last_as_much_longer(voice, rate):
    """With the spaces before them, one frame of rounding more or less; the others keep theirs."""
    plain = voice.synthesize("We came home and then we all slept.")
    changed = voice.synthesize(f"We came [rate {rate}]home and then we[/rate] all slept.")
    hop = plain.hop_samples / plain.sample_rate_hz
    frames = []
    for speech in (plain, changed):
        ends = [round(speech.words[n].end_seconds / hop) for n in (1, 5)]
        frames.append((ends[0], ends[1] - ends[0], speech.mel.shape[1] - ends[1]))
    (before, between, after), (same, longer, rest) = frames
    assert before == same
    # Both are rounded.
    assert abs(longer - between / rate) <= 1 + 1 / rate
    assert abs(rest - after) <= 1


def test_emphasised_word_is_slower(voice):
    """By the factor in the documents."""
    plain, _ = frames_of(voice.synthesize("It is wonderful indeed."))
    slow, _ = frames_of(voice.synthesize("It is [emphasis]wonderful[/emphasis] indeed."))
    assert abs(slow["wonderful"] - plain["wonderful"] / EMPHASIS_RATE) <= 1 + 1 / EMPHASIS_RATE


def test_timings_show_no_marks(voice):
    """In no format; the first word begins after the pause before it."""
    speech = voice.synthesize(MARKED)
    timings = Timings()
    timings.add(speech)
    for write in FORMATS.values():
        assert not re.search(r"pause|rate|emphasis|0\.5|300ms", write(timings).replace('"', ""))
    assert speech.text == "We came home, and slept. No!"
    assert speech.words[0].start_seconds == pytest.approx(1.0, abs=0.012)
    ends = [span.end_seconds for span in speech.phonemes]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(speech.seconds, abs=1e-6)


def test_marks_work_in_batches_and_in_parts(voice):
    """The same words at the same times, and the same sound."""
    whole = voice.synthesize(MARKED)
    for choices in ({"batch_size": 4}, {"in_parts": True}):
        speech = join(list(voice.stream([MARKED], **choices)))
        assert [w.text for w in speech.words] == [w.text for w in whole.words]
        for mine, theirs in zip(speech.words, whole.words, strict=True):
            assert mine.start_seconds == pytest.approx(theirs.start_seconds, abs=1e-6)
        torch.testing.assert_close(speech.waveform, whole.waveform, rtol=0, atol=1e-4)


def test_given_durations_go_before_the_marks_inside(voice):
    """Those of a marked text, given back, are its own; the pause before it is kept."""
    speech = voice.synthesize("[pause 1s]Go [pause 2s] home.")
    hop = speech.hop_samples / speech.sample_rate_hz
    own = tuple(round((p.end_seconds - p.start_seconds) / hop) for p in speech.phonemes)
    for durations in (own, (3,) * len(own)):
        again = voice.synthesize("[pause 1s]Go [pause 2s] home.", durations=durations)
        assert again.mel.shape[1] == sum(durations) + round(1 / hop)


def test_pauses_of_punctuation_are_scaled_by_mark(voice):
    """Twice as long at commas, and nothing else changes by more than rounding does."""
    text = "One, two; three, four."
    plain = voice.synthesize(text)
    longer = voice.synthesize(text, pauses=",=2")
    hop = plain.hop_samples / plain.sample_rate_hz

    def frames(speech, places):
        spans = [speech.phonemes[p] for p in places]
        return sum((s.end_seconds - s.start_seconds) / hop for s in spans)

    symbols = [p.text for p in plain.phonemes]
    commas = [p + n for p, symbol in enumerate(symbols) if symbol == "," for n in (0, 1)]
    others = [p for p in range(len(symbols)) if p not in commas]
    assert abs(frames(longer, commas) - 2 * frames(plain, commas)) <= 6
    assert abs(frames(longer, others) - frames(plain, others)) <= 3
    assert voice.synthesize(text, pauses="1").mel.equal(plain.mel)
    assert voice.synthesize(text, pauses="0.5").mel.shape[1] < plain.mel.shape[1]


@pytest.mark.parametrize("pauses", ["", "x", "9", ",=0.1", "a=2", ",2", ",=", "nan", ", 2"])
def test_wrong_pauses_are_told(pauses):
    """In one sentence with what is allowed."""
    with pytest.raises(InputError, match=r"factor from 0.25 to 4.*,=0.5 ;=2"):
        Options(pauses=pauses)


def test_pauses_are_read_in_order():
    """What comes later goes before."""
    assert read_pauses("2 ,=0.5") == {",": 0.5, ";": 2, ":": 2, ".": 2, "!": 2, "?": 2}
    with pytest.raises(InputError, match="leave out the pauses"):
        Options(pauses="2", durations=(1, 2))
