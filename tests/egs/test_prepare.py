"""From a corpus's layout to a manifest, for every recipe."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from core.data.corpora import Corpus, Item, make_manifest, name_prompts, split_sizes, thin_out
from core.data.manifest import Recording, read_manifest
from core.errors import InputError
from tests.espeak_corpus import SENTENCES

EGS = Path(__file__).parents[2] / "egs"
NAMES = ("one", "two", "three")

Preparer = Callable[[str], ModuleType]


def prepare(
    module: ModuleType, corpus: Path, target: Path, **options: object
) -> tuple[list[Recording], list[str]]:
    """The manifest, and what the user is told."""
    found = module.read(corpus, argparse.Namespace(**{"microphone": "mic1", **options}))
    lines = make_manifest(found, target / "manifest.jsonl")
    return read_manifest(target / "manifest.jsonl"), lines


def test_ljspeech_is_read(preparer: Preparer, corpora: Path, tmp_path: Path) -> None:
    """Every line of its table, with the text as written."""
    recordings, lines = prepare(preparer("ljspeech"), corpora / "ljspeech", tmp_path)
    assert [r.text for r in recordings] == list(SENTENCES)
    assert Path(recordings[0].audio).name == "LJ001-0001.wav"
    assert lines == ["12 utterances of 12 sentences: 10 train, 1 valid, 1 test"]


def test_ljspeech_is_read_from_the_directory_above(
    preparer: Preparer, corpora: Path, tmp_path: Path
) -> None:
    """Its archive holds one directory, which need not be named."""
    shutil.copytree(corpora / "ljspeech", tmp_path / "corpus" / "LJSpeech-1.1")
    recordings, _ = prepare(preparer("ljspeech"), tmp_path / "corpus", tmp_path)
    # Inside the manifest's directory names are relative, so that both can be moved.
    assert recordings[0].audio == "corpus/LJSpeech-1.1/wavs/LJ001-0001.wav"


def test_ljspeech_with_two_columns_is_read(
    preparer: Preparer, corpora: Path, tmp_path: Path
) -> None:
    """`id|text`, as derived corpora have it."""
    corpus = tmp_path / "corpus"
    shutil.copytree(corpora / "ljspeech", corpus)
    rows = (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()
    short = "\n".join(row.rpartition("|")[0] for row in rows)
    (corpus / "metadata.csv").write_text(short, encoding="utf-8")
    assert len(prepare(preparer("ljspeech"), corpus, tmp_path)[0]) == 12


@pytest.mark.parametrize("layout", ["kathleen-repository", "kathleen-copy"])
def test_kathleen_is_read_in_both_layouts(
    preparer: Preparer, corpora: Path, tmp_path: Path, layout: str
) -> None:
    """The takes of a sentence share its prompt, and with it their split."""
    recordings, lines = prepare(preparer("kathleen"), corpora / layout, tmp_path)
    assert len(recordings) == 12
    assert len({r.prompt for r in recordings}) == 6
    assert all(r.id.startswith(r.prompt + "_") for r in recordings)
    assert lines == ["12 utterances of 6 sentences: 8 train, 2 valid, 2 test"]


def test_kathleen_layouts_give_the_same_splits(
    preparer: Preparer, corpora: Path, tmp_path: Path
) -> None:
    """A voice trained on one copy can be evaluated on the other."""
    splits = []
    for layout in ("kathleen-repository", "kathleen-copy"):
        recordings, _ = prepare(preparer("kathleen"), corpora / layout, tmp_path)
        splits.append({r.id: r.split for r in recordings})
    assert splits[0] == splits[1]


def test_kathleen_names_what_does_not_belong_together(
    preparer: Preparer, corpora: Path, tmp_path: Path
) -> None:
    """A recording without text and a text without recording, in one sentence."""
    corpus = tmp_path / "corpus"
    shutil.copytree(corpora / "kathleen-repository", corpus)
    first, second, *_ = sorted((corpus / "data").glob("*.wav"))
    first.unlink()
    second.with_suffix(".txt").write_text(" \n")
    with pytest.raises(InputError, match="2 faults in the corpus") as caught:
        prepare(preparer("kathleen"), corpus, tmp_path)
    assert f"{second.name} has no text" in str(caught.value)
    assert f"{first.stem}.txt has no recording" in str(caught.value)


def test_vctk_keeps_its_speakers(preparer: Preparer, corpora: Path, tmp_path: Path) -> None:
    """Speakers with transcripts are kept, the one without is named with its count."""
    recordings, lines = prepare(preparer("vctk"), corpora / "vctk", tmp_path)
    assert {r.speaker for r in recordings} == {"p225", "p226"}
    assert all(r.audio.endswith("_mic1.flac") for r in recordings)
    assert lines[0].startswith("note: speaker p315: 6 lack a transcript, such as p315_001")
    assert lines[-1].startswith("12 utterances of 6 sentences, 2 speakers")


def test_vctk_tests_sentences_that_no_speaker_said_in_training(
    preparer: Preparer, corpora: Path, tmp_path: Path
) -> None:
    """All of its speakers read the same passage: splits go by text."""
    recordings, _ = prepare(preparer("vctk"), corpora / "vctk", tmp_path)
    splits: dict[str, set[str]] = {}
    for recording in recordings:
        splits.setdefault(recording.text, set()).add(recording.split)
    assert all(len(found) == 1 for found in splits.values())


def test_vctk_takes_the_other_microphone(preparer: Preparer, corpora: Path, tmp_path: Path) -> None:
    """--microphone mic2; a recording that only the first one has is noted."""
    corpus = tmp_path / "corpus"
    shutil.copytree(corpora / "vctk", corpus)
    (corpus / "wav48_silence_trimmed" / "p226" / "p226_003_mic2.flac").unlink()
    recordings, lines = prepare(preparer("vctk"), corpus, tmp_path, microphone="mic2")
    assert len(recordings) == 11
    assert all(r.audio.endswith("_mic2.flac") for r in recordings)
    assert "note: speaker p226: 1 lack a mic2 recording, such as p226_003" in lines


def write_own(root: Path, table: str) -> Path:
    (root / "clips").mkdir(parents=True)
    for name in NAMES:
        (root / "clips" / f"{name}.wav").touch()
    (root / "metadata.csv").write_text(table, encoding="utf-8")
    return root


def test_own_corpus_is_read_with_and_without_speakers(preparer: Preparer, tmp_path: Path) -> None:
    """`audio|text` and `audio|speaker|text`."""
    own = preparer("own")
    plain = write_own(tmp_path / "a", "\n".join(f"clips/{n}.wav|{n}." for n in NAMES))
    recordings, _ = prepare(own, plain, tmp_path)
    assert [(r.id, r.text, r.speaker) for r in recordings] == [
        (f"clips-{n}", f"{n}.", "") for n in NAMES
    ]
    voices = write_own(
        tmp_path / "b",
        "\n".join(f"clips/{n}.wav|of {n}|{n}." for n in NAMES),
    )
    recordings, _ = prepare(own, voices, tmp_path)
    assert [r.speaker for r in recordings] == [f"of {n}" for n in NAMES]


def test_own_corpus_names_the_line_of_every_fault(preparer: Preparer, tmp_path: Path) -> None:
    """A missing file, a line without text, and a mixture of two and three columns."""
    table = "clips/one.wav|One.\nclips/gone.wav|Gone.\nclips/two.wav\nclips/three.wav|x|Three."
    with pytest.raises(InputError, match="3 faults") as caught:
        prepare(preparer("own"), write_own(tmp_path / "a", table), tmp_path)
    assert "line 2 of metadata.csv: there is no clips/gone.wav" in str(caught.value)
    assert "line 3 of metadata.csv has 1 columns" in str(caught.value)
    assert "mixes lines with and without a speaker" in str(caught.value)


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "clips/../../x.wav"])
def test_own_corpus_cannot_point_outside(preparer: Preparer, tmp_path: Path, name: str) -> None:
    """A table from a stranger reads nothing but its own directory."""
    with pytest.raises(InputError, match="leads out of the corpus"):
        prepare(preparer("own"), write_own(tmp_path / "a", f"{name}|Text."), tmp_path)


@pytest.mark.parametrize("name", ["kathleen", "ljspeech", "vctk", "own"])
def test_prepare_says_when_the_corpus_is_another(
    preparer: Preparer, tmp_path: Path, name: str
) -> None:
    """An empty directory, and none at all."""
    module = preparer(name)
    with pytest.raises(InputError, match="does not look like this corpus"):
        prepare(module, tmp_path, tmp_path)
    with pytest.raises(InputError, match="there is no corpus directory"):
        prepare(module, tmp_path / "gone", tmp_path)


def test_missing_recordings_are_named_and_left_out_only_when_asked(tmp_path: Path) -> None:
    """Nothing is skipped silently: an error, or a line for each."""
    for number in range(8):
        (tmp_path / f"{number}.wav").touch()
    items = [Item(f"u{n}", tmp_path / f"{n}.wav", f"Sentence {n}.") for n in range(10)]
    target = tmp_path / "manifest.jsonl"
    with pytest.raises(InputError, match=r"2 faults .* recording of u8, .*8\.wav, is missing"):
        make_manifest(Corpus(items), target)
    assert not target.exists()
    lines = make_manifest(Corpus(items), target, skip_bad=True)
    assert len(read_manifest(target)) == 8
    assert [line.split(",")[0] for line in lines[:2]] == [
        "left out: the recording of u8",
        "left out: the recording of u9",
    ]


def test_items_of_one_text_share_a_prompt() -> None:
    """Also when the corpus gives the sentence two names; case and punctuation do not matter."""
    texts = {"a_1": "One.", "a_2": "Once!", "b_1": "once", "c_1": "Two", "d_1": "ONE"}
    items = [Item(n, Path(n), t, prompt=n[0]) for n, t in texts.items()]
    prompts = [item.prompt for item in name_prompts(items)]
    assert prompts == ["a", "a", "a", "c", "a"]


def test_small_corpora_still_have_three_splits() -> None:
    """The sizes shrink with the corpus and never leave training with nothing."""
    assert split_sizes(1072) == (60, 20)
    for prompts in range(3, 200):
        test, valid = split_sizes(prompts)
        assert test >= 1
        assert valid >= 1
        assert test + valid <= max(2, prompts // 2)
    with pytest.raises(InputError, match="has 2 different sentences"):
        split_sizes(2)


def test_thinning_takes_from_everywhere() -> None:
    """A limit must not leave the later speakers out."""
    items = [Item(str(n), Path("x"), "t") for n in range(100)]
    chosen = [int(item.id) for item in thin_out(items, 10)]
    assert chosen == list(range(0, 100, 10))
    assert thin_out(items, 1000) == items


def test_prepare_is_a_command_with_exit_codes(corpora: Path, tmp_path: Path) -> None:
    """0 with a summary, 1 with one sentence, 2 for usage; nothing on stdout."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EGS / "vctk" / "prepare.py"), *arguments]
        environment = {"PYTHONPATH": str(EGS.parent), "PATH": ""}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    manifest = str(tmp_path / "m.jsonl")
    good = run(str(corpora / "vctk"), manifest, "--limit", "9", "--microphone", "mic2")
    assert (good.returncode, good.stdout) == (0, "")
    assert "limited to 9 of 12 utterances" in good.stderr
    bad = run(str(tmp_path), manifest)
    assert bad.returncode == 1
    assert bad.stderr.startswith("Error: ")
    assert bad.stderr.count("\n") == 1
    assert run(str(tmp_path), manifest, "--microphone", "mic3").returncode == 2
