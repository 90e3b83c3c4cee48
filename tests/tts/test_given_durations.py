"""Durations from tables and TextGrids."""

from __future__ import annotations

import json

import pytest
import torch

from core.data.store import Utterance, UtteranceStore
from core.errors import InputError
from tests.tiny import SPEC, acoustic_config, awaken, write_store
from text.symbols import SYMBOLS
from tts.frames import fold_blanks, token_windows
from tts.given_durations import GivenDurations, match_words, mend
from tts.losses import acoustic_losses
from tts.model import AcousticModel
from tts.sentences import Sentences
from tts.speech import Span
from tts.textgrid import Interval
from tts.timings import Timings, write_timings

HOP = SPEC.hop_samples
SECONDS = HOP / SPEC.sample_rate_hz
WORDS = [["oh", 0, 2], ["hello-there", 3, 5]]


def utterance(frames=20, start=0, total=20, words=WORDS):
    recording = {"start_seconds": start * SECONDS, "seconds": total * SECONDS}
    return Utterance(
        id="a1", samples=frames * HOP - 3, ids=[3, 4, 1, 5, 6, 7],
        extra={"words": words, "recording": recording},
    )  # fmt: skip


def textgrid(directory, words, frames=20):
    """A TextGrid of words with their first frame and the one after the last."""
    spans = [Span(text, a * SECONDS, b * SECONDS) for text, a, b in words]
    write_timings(directory / "a1.TextGrid", Timings(frames * SECONDS, [], spans, []))
    return GivenDurations(directory)


def table(directory, frames, name="d.jsonl"):
    row = json.dumps({"id": "a1", "frames": frames})
    text = row if name.endswith("jsonl") else "a1\t" + " ".join(map(str, frames))
    (directory / name).write_text("\n" + text + "\n", encoding="utf-8")
    return GivenDurations(directory / name)


@pytest.mark.parametrize("name", ["d.jsonl", "d.tsv"])
def test_tables_give_the_frames_of_every_phoneme(tmp_path, name):
    """First frames are the sums of what came before."""
    windows = table(tmp_path, [3, 2, 0, 5, 6, 4], name).windows(utterance(), SPEC)
    assert windows.tolist() == [[0, 3], [3, 5], [5, 5], [5, 10], [10, 16], [16, 20]]


@pytest.mark.parametrize(
    ("frames", "mended"),
    [([3, 4], [3, 4]), ([3, 3], [3, 4]), ([3, 5], [3, 4]), ([8, 0], [7, 0]), ([6, 0], [6, 1])],
)
def test_one_frame_is_mended_at_the_end(frames, mended):
    """The last phoneme is padded or trimmed; one that lasts no frame cannot be."""
    assert mend(frames, 7, "utterance x") == mended


@pytest.mark.parametrize("frames", [[3, 2], [3, 6]])
def test_two_frames_are_refused(frames):
    """With the utterance and both numbers."""
    sentence = f"utterance x has 7 frames and durations that sum to {sum(frames)}"
    with pytest.raises(InputError, match=sentence):
        mend(frames, 7, "utterance x")


def test_textgrid_gives_the_windows_of_words(tmp_path):
    """Ids of a word share its time, those between words the time between them."""
    given = textgrid(tmp_path, [("oh", 2, 6), ("hello", 9, 12), ("there", 12, 17)])
    windows = given.windows(utterance(), SPEC)
    assert windows.tolist() == [[2, 6], [2, 6], [6, 9], [9, 17], [9, 17], [17, 20]]


def test_textgrid_of_an_untrimmed_recording_is_moved(tmp_path):
    """The store's audio begins 4 frames later and is 6 shorter than the recording."""
    given = textgrid(tmp_path, [("oh", 3, 8), ("hello", 9, 12), ("there", 12, 19)], 26)
    windows = given.windows(utterance(frames=20, start=4, total=26), SPEC)
    assert windows.tolist() == [[0, 4], [0, 4], [4, 5], [5, 15], [5, 15], [15, 20]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([("oh", 0, 5), ("hallo", 5, 9)], "the text says 'hello-there' where the TextGrid 'hallo'"),
        ([("oh", 0, 5)], "the text says 'hello-there' where the TextGrid has ended"),
        (
            [("oh", 0, 5), ("Hello", 5, 9), ("there", 9, 12), ("you", 12, 20)],
            "the text has ended where the TextGrid 'you'",
        ),
    ],
)
def test_other_words_are_refused(tmp_path, words, sentence):
    """The first that differs is named."""
    with pytest.raises(InputError, match=f"utterance a1, .*the words differ, {sentence}"):
        textgrid(tmp_path, words).windows(utterance(), SPEC)


def test_words_match_by_their_letters():
    """Written together or apart, with marks or without; an unknown word stands for any."""
    ours = [("Don't", 0, 2), ("e", 3, 4), ("mail", 4, 6), ("Zbigniew", 7, 9), ("'", 9, 9)]
    theirs = ["don", "'t", "e-mail", "<unk>"]
    intervals = [Interval(n, n + 1, text) for n, text in enumerate(theirs)]
    found = match_words(ours, intervals, "x")
    assert found == [(0, 2, 0, 2), (3, 6, 2, 3), (7, 9, 3, 4)]


def test_textgrid_of_another_length_is_refused(tmp_path):
    """With the utterance and both numbers."""
    given = textgrid(tmp_path, [("oh", 0, 5)], frames=23)
    with pytest.raises(InputError, match="utterance a1 has 20 frames and .* 23"):
        given.windows(utterance(), SPEC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"id": "a1", "frames": [3, 2.5]}', "line 1: .* is no id with a list of whole frames"),
        ('{"id": "a1", "frames": [3, -2]}', "line 1: .* is no id with a list of whole frames"),
        ('{"id": "a1", "frames": [true]}', "line 1: .* is no id with a list of whole frames"),
        ('{"id": 7, "frames": [3]}', "line 1: .* is no id with a list of whole frames"),
        ("[3]", "line 1: .* is no id with a list of whole frames"),
        ('{"id": "a1", "frames": [3]}\n' * 2, "line 2: utterance a1 stands there twice"),
    ],
)
def test_tables_of_other_things_are_refused(tmp_path, text, sentence):
    """With the line."""
    (tmp_path / "d.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        GivenDurations(tmp_path / "d.jsonl")


def test_missing_and_miscounted_utterances_are_refused(tmp_path):
    """Nobody guesses durations."""
    with pytest.raises(InputError, match="a1 has 6 phonemes and 2 durations"):
        table(tmp_path, [10, 10]).windows(utterance(), SPEC)
    with pytest.raises(InputError, match="no durations for utterance a1"):
        GivenDurations(tmp_path).windows(utterance(), SPEC)
    (tmp_path / "d.txt").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"must be a \.jsonl, a \.tsv or a directory"):
        GivenDurations(tmp_path / "d.txt")


def test_blanks_share_the_window_of_the_id_before():
    """The first has the silence before the first id; the outermost tokens reach both ends."""
    windows = torch.tensor([[[2, 5], [5, 9]], [[0, 4], [0, 0]]])
    found = token_windows(windows, torch.tensor([2, 1]), torch.tensor([11, 6]), blanks=True)
    assert found[0].tolist() == [[0, 2], [2, 5], [2, 5], [5, 9], [5, 11]]
    assert found[1, :3].tolist() == [[0, 4], [0, 4], [0, 6]]
    plain = token_windows(windows, torch.tensor([2, 1]), torch.tensor([11, 6]), blanks=False)
    assert plain[0].tolist() == [[0, 5], [5, 11]]


@pytest.mark.parametrize("blanks", [False, True])
def test_training_has_the_durations_that_were_given(tmp_path, blanks):
    """What alignment search returns, blanks folded, is the table: whatever the model thinks."""
    store = UtteranceStore(write_store(tmp_path / "s", train=4, valid=1), "train")
    rows, wanted = [], {}
    for u in store.utterances:
        frames, count = -(-u.samples // HOP), len(u.ids)
        given = [3 + n % 2 for n in range(count - 1)]
        wanted[u.id] = [*given, frames - sum(given)]
        rows.append(json.dumps({"id": u.id, "frames": [*given, wanted[u.id][-1] + 1]}))
    (tmp_path / "d.jsonl").write_text("\n".join(rows), encoding="utf-8")
    sentences = Sentences(store, SPEC, (), durations=GivenDurations(tmp_path / "d.jsonl"))
    batch = sentences.batch([(0,), (1,), (2, 3)])
    model = awaken(AcousticModel(acoustic_config(blanks=blanks), SPEC, len(SYMBOLS)))
    _, durations = acoustic_losses(
        model, batch["ids"], batch["id_lengths"], batch["mel"], batch["frames"],
        windows=batch["windows"],
    )  # fmt: skip
    folded = fold_blanks(durations) if blanks else durations
    for row, u in zip(folded[:2], store.utterances[:2], strict=True):
        assert row[: len(u.ids)].tolist() == wanted[u.id]
    joined = [*wanted["train2"], 0, *wanted["train3"]]
    assert folded[2, : len(joined)].tolist() == pytest.approx(joined, abs=3)
    assert int(folded[2].sum()) == int(batch["frames"][2])
