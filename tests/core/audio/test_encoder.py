"""Sound encoded as it comes."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from core.audio.encoder import StreamEncoder
from core.audio.files import encode_audio, read_audio
from core.errors import InputError

RATE = 22050


def sound(seconds=3.0, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * 440 * time) + 0.02 * noise).astype(np.float32)


def encoded(sound, kind, pieces=7, **options):
    encoder = StreamEncoder(kind, RATE, **options)
    chunks = [encoder.feed(piece) for piece in np.array_split(sound, pieces)]
    return [*chunks, encoder.finish()]


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_lossless_stream_has_the_samples(kind):
    """Sixteen bits of each, whatever the pieces were, though the header knows no length."""
    samples = sound()
    decoded, rate = read_audio(b"".join(encoded(samples, kind)))
    assert rate == RATE
    np.testing.assert_allclose(decoded.numpy(), samples, atol=0.6 / 32768)


@pytest.mark.parametrize(
    ("kind", "spare_seconds"), [("wav", 0), ("flac", 0), ("ogg", 0.001), ("opus", 0.001),
                                ("mp3", 0.08)]
)  # fmt: skip
def test_stream_lasts_as_long_as_its_sound(kind, spare_seconds):
    """An MP3 without a length has 1,105 samples of delay and up to a frame of padding."""
    decoded, rate = read_audio(b"".join(encoded(sound(), kind)))
    assert 3.0 - 0.001 <= len(decoded) / rate <= 3.0 + spare_seconds + 0.001


@pytest.mark.parametrize("kind", ["wav", "flac", "opus", "mp3", "pcm"])
def test_stream_flows(kind):
    """Half of the bytes are there when half of the sound is, but for a page of Opus."""
    sizes = [len(chunk) for chunk in encoded(sound(20.0), kind, pieces=20)]
    assert sum(sizes[:10]) > 0.4 * sum(sizes)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_known_length_gives_the_file_that_is_written_at_once(kind):
    """The same bytes as `encode_audio`, header and all, but for an Ogg stream's number."""
    samples = sound()
    content = b"".join(encoded(samples, kind, pieces=1, samples=len(samples)))
    whole = encode_audio(samples, RATE, kind)
    if kind == "ogg":
        np.testing.assert_array_equal(read_audio(content)[0], read_audio(whole)[0])
    else:
        assert content == whole


def test_wav_of_known_length_says_so():
    """Python's own reader finds every sample."""
    samples = sound()
    with wave.open(io.BytesIO(b"".join(encoded(samples, "wav", samples=len(samples))))) as file:
        assert file.getnframes() == len(samples)


@pytest.mark.parametrize("pieces", [1, 13])
def test_resampled_stream_is_the_same_tone(pieces):
    """A tone stays at its height and phase at another rate, across the seams of its pieces."""
    time = np.arange(2 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    content = b"".join(encoded(tone, "pcm", pieces=pieces, target_rate_hz=24000))
    decoded = np.frombuffer(content, "<i2") / 32768
    assert len(decoded) == pytest.approx(48000, abs=1)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(decoded)) / 24000)
    np.testing.assert_allclose(decoded[500:-500], wanted[500:-500], atol=1e-3)


def test_loud_samples_are_cut():
    """They never wrap."""
    content = b"".join(encoded(np.array([-3.0, 3.0], np.float32), "pcm", pieces=1))
    assert np.frombuffer(content, "<i2").tolist() == [-32768, 32767]


def test_unknown_format_is_refused():
    """With what is allowed."""
    with pytest.raises(InputError, match="unknown audio format 'aac'"):
        StreamEncoder("aac", RATE)
