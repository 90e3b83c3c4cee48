"""Two hundred sentences that voices stumble over, as the shipped voice reads and times them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from tests.espeak_corpus import speak
from text import Utterance, split_sentences
from text.symbols import VOWELS
from tts.frames import fold_blanks
from tts.model import AcousticModel
from tts.synthesizer import Synthesizer

# Of 220 recordings of the speaker, each lasts 0.995 of what eSpeak NG takes to say its text, and
# 0.474 s, of which most is silence: the least squares, from which they differ by factors of 0.75
# to 1.29. The voice may leave the silence out, and spells slower than eSpeak NG.
SLOPE, SILENCE_SECONDS = 0.995, 0.474
SHORTEST, LONGEST = 0.7, 1.4
QUIET = 0.01
BATCH = 40


@dataclass(frozen=True)
class Timed:
    """A sentence with the frames of its ids."""

    utterance: Utterance
    frames: list[int]
    seconds_a_frame: float


def rows() -> list[tuple[str, str]]:
    """Sentences and the words that must be said."""
    lines = (Path(__file__).parent / "hard_sentences.tsv").read_text("utf-8").splitlines()
    return [(line.split("\t")[1], line.split("\t")[2]) for line in lines if line[0] != "#"]


@pytest.fixture(scope="module")
def said() -> dict[str, list[Timed]]:
    """Each text as the shipped voice times it, in one thread."""
    voice = Synthesizer.from_pretrained(device="cpu")
    texts = {text: split_sentences(text) for text, _ in rows()}
    sentences = sorted({s for cut in texts.values() for s in cut}, key=len)
    timed: dict[str, Timed] = {}
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        utterances = voice.frontend.process_batch(batch)
        timed |= dict(zip(batch, durations(voice.acoustic, utterances), strict=True))
    return {text: [timed[sentence] for sentence in cut] for text, cut in texts.items()}


@torch.inference_mode()
def durations(model: AcousticModel, utterances: list[Utterance]) -> list[Timed]:
    """The frames that the acoustic model gives each id; at least one for each token."""
    ids = pad_sequence([torch.tensor(u.ids) for u in utterances], batch_first=True)
    lengths = torch.tensor([len(u.ids) for u in utterances])
    encoded = model.encode(*model.with_blanks(ids, lengths))
    log_frames = model.durations(encoded.hidden, encoded.mask[:, :, None])
    frames = model.durations.frames(log_frames, encoded.mask, torch.ones(()).double())
    assert bool((frames >= 1)[encoded.mask].all())
    own = fold_blanks(frames) if model.config.blanks else frames
    hop = model.spec.hop_samples / model.spec.sample_rate_hz
    return [Timed(u, row[: len(u.ids)], hop)
            for u, row in zip(utterances, own.tolist(), strict=True)]  # fmt: skip


def espeak_seconds(utterance: Utterance) -> float:
    """How long eSpeak NG says the same words."""
    loud = np.flatnonzero(np.abs(speak(utterance.normalized)) > QUIET)
    return float(loud[-1] - loud[0]) / 22050


def test_there_are_two_hundred():
    """All different."""
    texts = [text for text, _ in rows()]
    assert len(texts) == len(set(texts)) == 200


def test_every_word_is_read_once_and_in_order(said):
    """No word is left out, repeated or added: the words of each row were
    reviewed when it was made."""
    for text, words in rows():
        found = [w.text for timed in said[text] for w in timed.utterance.words]
        assert " ".join(found).lower() == words, text


def test_every_word_has_time_to_be_heard(said):
    """Two frames (23 ms) for an unstressed "a", a tenth of a second and more where it is stressed;
    a sound never lasts longer than half a second."""
    for text, sentences in said.items():
        for timed in sentences:
            phonemes = timed.utterance.phonemes
            assert max(timed.frames) * timed.seconds_a_frame < 0.5, text
            for word in timed.utterance.words:
                seconds = sum(timed.frames[word.start : word.end]) * timed.seconds_a_frame
                sound = phonemes[word.start : word.end]
                vowels = sum(symbol in VOWELS for symbol in sound)
                least = 0.09 if "ˈ" in sound else 0.02
                assert seconds >= least, (text, word.text)
                assert seconds <= 0.4 + 0.35 * max(1, vowels), (text, word.text)


def test_every_sentence_lasts_as_long_as_the_speaker_would_take(said):
    """By an estimate from eSpeak NG and the speaker's own recordings."""
    for sentences in said.values():
        for timed in sentences:
            seconds = sum(timed.frames) * timed.seconds_a_frame
            spoken = SLOPE * espeak_seconds(timed.utterance)
            least, most = SHORTEST * spoken, LONGEST * (spoken + SILENCE_SECONDS)
            assert least < seconds < most, (timed.utterance.text, least, seconds, most)


def test_repeated_words_last_alike(said):
    """None of "no no no no" is swallowed: each has half the time of the longest or more."""
    for text, sentences in said.items():
        for timed in sentences:
            words = timed.utterance.words
            if len(words) < 3 or len({w.text.lower() for w in words}) > 1:
                continue
            counts = [sum(timed.frames[w.start : w.end]) for w in words]
            assert min(counts) >= 0.5 * max(counts), (text, counts)


def test_a_sentence_without_a_mark_ends_like_one_with_it(said):
    """Its last sound is not broken off: a period is put there."""
    for text in ("A", "Hello", "1000000", "2026-11-21"):
        assert said[text][-1].utterance.phonemes.endswith("."), text
