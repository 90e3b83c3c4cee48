"""The whole chain, with a tiny voice of random weights."""

from __future__ import annotations

import shutil

import pytest
import torch

from core.errors import InputError
from core.voice import CONFIG, VoiceFacts, find_voice, write_facts
from text import TextError
from tts.options import Options
from tts.speech import join
from tts.synthesizer import Synthesizer, pick_device
from vocoder import Vocoder

TEXT = "Hello there, world. It is a fine day! Is it not? One. Two."


@pytest.fixture(scope="module")
def voice(tiny_voice):
    return Synthesizer.from_pretrained(tiny_voice, device="cpu")


@pytest.fixture(scope="module")
def pair(tiny_voice_of_two):
    return Synthesizer.from_pretrained(tiny_voice_of_two, device="cpu")


def changed(tiny_voice, directory, **facts):
    """A copy of the voice with other facts."""
    shutil.copytree(tiny_voice, directory)
    own = find_voice(tiny_voice).facts
    (directory / CONFIG).unlink()
    write_facts(directory, VoiceFacts(**{**own.model_dump(), "mel": own.mel, **facts}))
    return directory


def test_same_seed_gives_the_same_bytes(voice):
    """Twice the same samples; another seed gives others."""
    first, second = (voice.synthesize("Hello there.", seed=3).waveform for _ in range(2))
    assert first.numpy().tobytes() == second.numpy().tobytes()
    other = voice.synthesize("Hello there.", seed=4).waveform
    assert other.shape != first.shape or not torch.equal(other, first)


def test_stream_is_the_whole_piece_by_piece(voice):
    """Its pieces, one after the other, are what `synthesize` returns."""
    pieces = list(voice.stream([TEXT]))
    whole = voice.synthesize(TEXT)
    assert len(pieces) == 5
    assert torch.equal(torch.cat([p.waveform for p in pieces]), whole.waveform)
    assert torch.equal(torch.cat([p.mel for p in pieces], dim=1), whole.mel)


def test_sentences_sound_as_they_do_alone(voice):
    """What came before changes nothing; between sentences there is silence."""
    pieces = list(voice.stream([TEXT], sentence_silence_seconds=0.1))
    for piece, sentence in zip(pieces, ("Hello there, world.", "It is a fine day!"), strict=False):
        alone = voice.synthesize(sentence)
        samples = len(alone.waveform)
        assert torch.equal(piece.waveform[:samples], alone.waveform)
        assert not piece.waveform[samples:].any()
        assert len(piece.waveform) - samples == pytest.approx(2205, abs=128)
    last = voice.synthesize("Two.")
    assert torch.equal(pieces[-1].waveform, last.waveform)


@pytest.mark.parametrize("batch_size", [2, 4, 16])
def test_batches_do_not_change_a_sample(voice, batch_size):
    """Sentences synthesised together sound as one by one, to 1e-5, at the same times."""
    single = list(voice.stream([TEXT]))
    together = list(voice.stream([TEXT], batch_size=batch_size))
    assert [p.text for p in together] == [p.text for p in single]
    for mine, theirs in zip(together, single, strict=True):
        assert (mine.words, mine.phonemes) == (theirs.words, theirs.phonemes)
        torch.testing.assert_close(mine.waveform, theirs.waveform, rtol=0, atol=1e-5)
        torch.testing.assert_close(mine.mel, theirs.mel, rtol=0, atol=1e-5)


@pytest.mark.parametrize("text", [TEXT, "A", "I am.", "Dr. Smith paid $3.14 on May 2nd, 1999."])
def test_times_run_forwards_inside_the_audio(voice, text):
    """Words and phonemes follow each other without overlap; phonemes fill each sentence."""
    speech = voice.synthesize(text)
    for spans in (speech.words, speech.phonemes, speech.sentences):
        assert spans
        reached = 0.0
        for span in spans:
            assert reached - 1e-9 <= span.start_seconds <= span.end_seconds
            reached = span.end_seconds
        assert reached <= speech.seconds + 1e-9
    assert speech.phonemes[0].start_seconds == 0
    assert speech.phonemes[-1].end_seconds == pytest.approx(speech.seconds)
    assert all(p.end_seconds > p.start_seconds for p in speech.phonemes)


def test_words_are_those_of_the_text(voice):
    """In order, as they are said."""
    said = [
        word.text.strip(".,!?").lower() for word in voice.synthesize("Hello there, world.").words
    ]
    assert said == ["hello", "there", "world"]


def test_audio_is_sound_in_range(voice):
    """Finite, in [-1, 1], a whole number of hops, as long as its mel."""
    speech = voice.synthesize("Hello there.")
    assert speech.waveform.dtype == torch.float32
    assert torch.isfinite(speech.waveform).all()
    assert speech.waveform.abs().max() <= 1
    assert len(speech.waveform) == speech.mel.shape[1] * speech.hop_samples
    assert speech.sample_rate_hz == voice.sample_rate_hz == 22050


def test_costs_are_those_of_the_solvers(voice):
    """Two steps of Euler's method a sentence by default; midpoint doubles them."""
    speech = voice.synthesize("One. Two.")
    assert (speech.acoustic_nfe, speech.vocoder_nfe) == (4, 4)
    speech = voice.synthesize("One.", steps=3, vocoder_steps=5, method="midpoint")
    assert (speech.acoustic_nfe, speech.vocoder_nfe) == (6, 10)
    assert speech.acoustic_seconds > 0
    assert speech.vocoder_seconds > 0


def test_quality_chooses_for_both_models(tiny_voice, voice, tmp_path):
    """Its steps, rounds and temperature are those set by hand; a choice beside it goes first."""
    own = find_voice(tiny_voice).facts
    halves = {"acoustic": dict(own.acoustic), "vocoder": dict(own.vocoder)}
    fast = {"acoustic": {"steps": 1, "temperature": 0.2}, "vocoder": {"steps": 1}}
    for half, effort in fast.items():
        sampling = {**halves[half]["sampling"], "qualities": {"fast": effort}}
        halves[half]["sampling"] = sampling
    graded = Synthesizer.from_pretrained(changed(tiny_voice, tmp_path / "graded", **halves))
    made = graded.synthesize("Hello.", quality="fast")
    by_hand = voice.synthesize("Hello.", steps=1, temperature=0.2, vocoder_steps=1)
    assert torch.equal(made.waveform, by_hand.waveform)
    assert not torch.equal(made.waveform, voice.synthesize("Hello.").waveform)
    warmer = graded.synthesize("Hello.", quality="fast", temperature=0.9)
    assert not torch.equal(warmer.mel, made.mel)
    plain = graded.synthesize("Hello.", quality="balanced").waveform
    assert torch.equal(plain, voice.synthesize("Hello.").waveform)


def test_speed_above_one_is_faster(voice):
    """Longer at half the speed."""
    normal, slow = (voice.synthesize("Hello there.", speed=s).seconds for s in (1.0, 0.5))
    assert slow > 1.5 * normal


def test_options_and_choices_mean_the_same(voice):
    """As an object, by keyword, or one on top of the other."""
    options = Options(seed=3, steps=1)
    expected = voice.synthesize("One.", options).waveform
    assert torch.equal(voice.synthesize("One.", seed=3, steps=1).waveform, expected)
    assert torch.equal(voice.synthesize("One.", Options(seed=3), steps=1).waveform, expected)


def test_speakers_are_called_by_name(pair):
    """The first is the default; another sounds otherwise."""
    ann, first, bob = (pair.synthesize("Hello.", speaker=name).mel for name in ("ann", None, "bob"))
    assert torch.equal(ann, first)
    assert ann.shape != bob.shape or (ann - bob).abs().max() > 1e-3
    assert pair.speakers == ("ann", "bob")


MISTAKES = [
    ({"speaker": "ann"}, "one speaker: leave out 'ann'"),
    ({"method": "eular"}, "did you mean 'euler'"),
    ({"grid": "uniforn"}, "did you mean 'uniform'"),
    ({"speed": 5.0}, "speed is 5"),
    ({"sped": 1.0}, "did you mean 'speed'"),
    ({"batch_size": 0}, "batch_size is 0"),
]


@pytest.mark.parametrize(("choice", "message"), MISTAKES)
def test_mistakes_are_answered_in_one_sentence(voice, choice, message):
    """With what is allowed, or the nearest name."""
    with pytest.raises(InputError, match=message) as caught:
        list(voice.stream(["Hello."], **choice))
    assert "\n" not in str(caught.value)


def test_unknown_speaker_is_guessed(pair):
    """With "did you mean"."""
    with pytest.raises(InputError, match="unknown speaker 'anne', did you mean 'ann'"):
        pair.synthesize("Hello.", speaker="anne")


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "\u200b", "🙂"])
def test_nothing_to_say_is_an_error(voice, text):
    """No silence is returned in its place."""
    with pytest.raises(TextError):
        voice.synthesize(text)


def test_voice_of_other_symbols_is_refused(tiny_voice, tmp_path):
    """Its ids would mean other phonemes."""
    directory = changed(tiny_voice, tmp_path / "old", symbols="0" * 64)
    with pytest.raises(InputError, match="another symbol table"):
        Synthesizer.from_pretrained(directory, device="cpu")


def test_vocoder_of_another_contract_is_refused(voice, tmp_path, tiny_voice):
    """Two models join only when their mels are the same."""
    mel = voice.acoustic.spec.model_copy(update={"f_max_hz": 7600.0})
    other = Vocoder.from_pretrained(changed(tiny_voice, tmp_path / "other", mel=mel))
    with pytest.raises(InputError, match=r"f_max_hz is 7600\.0 in the vocoder's and 8000\.0"):
        Synthesizer(voice.voice, voice.frontend, voice.acoustic, other)


@pytest.mark.parametrize("name", ["acoustic.safetensors", "vocoder.safetensors"])
def test_damaged_weights_are_refused(tiny_voice, tmp_path, name):
    """Truncated or missing: one sentence that names the file."""
    directory = tmp_path / "cut"
    shutil.copytree(tiny_voice, directory)
    whole = (directory / name).read_bytes()
    (directory / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=name):
        Synthesizer.from_pretrained(directory, device="cpu")
    (directory / name).unlink()
    with pytest.raises(InputError, match=name):
        Synthesizer.from_pretrained(directory, device="cpu")


def test_absurd_sizes_are_refused_before_they_are_allocated(tiny_voice, tmp_path):
    """A voice that claims to be of seventy gigabytes is held against its file first."""
    facts = find_voice(tiny_voice).facts
    decoder = {**facts.acoustic["decoder"], "channels": 4096, "blocks": 64, "expansion": 8}
    directory = changed(
        tiny_voice, tmp_path / "huge", acoustic={**facts.acoustic, "decoder": decoder}
    )
    with pytest.raises(InputError, match="belongs to another model"):
        Synthesizer.from_pretrained(directory, device="cpu")
    network = {**facts.vocoder["network"], "channels": 4096, "blocks": 64, "expansion": 8}
    directory = changed(
        tiny_voice, tmp_path / "large", vocoder={**facts.vocoder, "network": network}
    )
    with pytest.raises(InputError, match="belongs to another model"):
        Vocoder.from_pretrained(directory)


def test_unknown_device_is_refused():
    """With the known ones."""
    with pytest.raises(InputError, match="unknown device 'gpu'"):
        pick_device("gpu")
    assert pick_device("auto") in ("cpu", "cuda", "mps")


def test_parts_are_the_whole(voice):
    """Sound to 1e-4, mel, text, words and notes: what comes in parts is what comes at once."""
    text = TEXT + " This sentence has a few more words than the others, and so it has more parts."
    parts = list(voice.stream([text], in_parts=True, seed=3))
    whole, joined = voice.synthesize(text, seed=3), join(parts)
    assert len(parts[0].waveform) < len(whole.waveform) / 4
    torch.testing.assert_close(joined.waveform, whole.waveform, atol=1e-4, rtol=0)
    assert torch.equal(joined.mel, whole.mel)
    assert (joined.text, joined.notes) == (whole.text, whole.notes)
    assert joined.acoustic_nfe == whole.acoustic_nfe
    for name in ("words", "phonemes", "sentences"):
        ours, theirs = getattr(joined, name), getattr(whole, name)
        assert [span.text for span in ours] == [span.text for span in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert a.start_seconds == pytest.approx(b.start_seconds, abs=1e-6)
            assert a.end_seconds == pytest.approx(b.end_seconds, abs=1e-6)


def test_parts_are_made_as_they_are_asked_for(voice):
    """The first part costs a first part: the text after it is not even read."""

    def lines():
        yield "The first sentence is here. The second one is begun"
        raise AssertionError("the rest was read before the first part left")

    first = next(voice.stream(lines(), in_parts=True))
    assert first.seconds > 0
