"""Whether hard sentences and long texts stay clear: what a speech recogniser hears of them.

python benchmarks/hard_sentences.py --quality balanced
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from text import split_sentences
from tts.evaluation.quality import dnsmos
from tts.evaluation.recognition import knows, spoken_words, transcribe, word_errors
from tts.speech import Speech, join
from tts.synthesizer import Synthesizer

SENTENCES = Path(__file__).parents[1] / "tests" / "tts" / "hard_sentences.tsv"
# Too little for a recogniser that leans on what usually follows what.
LEAST_WORDS = 3
SILENCE_SECONDS = 0.3
LONG_TEXT = Path(__file__).with_name("long_text.txt")


@dataclass(frozen=True)
class Heard:
    """What was heard of some sentences.

    Attributes:
        sentences: How many.
        words: Words that were said.
        substitutions: Words heard as others.
        deletions: Words not heard.
        insertions: Words heard that were not said.
    """

    sentences: int = 0
    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: Heard) -> Heard:
        return Heard(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def error_rate(self) -> float:
        """Word error rate."""
        return (self.substitutions + self.deletions + self.insertions) / max(1, self.words)


def hear(text: str, speech: Speech) -> Heard:
    """Count the errors in what the recogniser hears of a sentence."""
    quiet = torch.zeros(round(SILENCE_SECONDS * speech.sample_rate_hz))
    sound = torch.cat([quiet, speech.waveform, quiet])
    errors = word_errors(text, transcribe(sound, speech.sample_rate_hz))
    return Heard(1, errors.words, errors.substitutions, errors.deletions, errors.insertions)


def known_sentences() -> list[tuple[str, str]]:
    """Kinds and sentences whose every word stands in the recogniser's dictionary."""
    lines = SENTENCES.read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    pairs = [(kind, text, spoken_words(text)) for kind, text, _ in rows]
    return [(k, t) for k, t, words in pairs if len(words) >= LEAST_WORDS and all(map(knows, words))]


def by_kind(
    voice: Synthesizer, rows: Iterable[tuple[str, str]], quality: str | None
) -> dict[str, Heard]:
    """What is heard of sentences, by their kind."""
    found: dict[str, Heard] = {}
    for kind, text in rows:
        heard = hear(text, voice.synthesize(text, quality=quality))
        found[kind] = found.get(kind, Heard()) + heard
    return found


def by_third(
    voice: Synthesizer, text: str, quality: str | None
) -> list[tuple[Heard, float, float]]:
    """What is heard of each third of a text, its DNSMOS and its words a second.

    Args:
        voice: Says the text as a whole, once.
        text: Sentences, whose words decide which third they are of.
        quality: See `tts.options.Options`.
    """
    pieces = list(voice.stream([text], quality=quality))
    sentences = split_sentences(text, voice.frontend.language)
    words = len(spoken_words(text))
    thirds: list[list[tuple[str, Speech]]] = [[], [], []]
    said = 0
    for sentence, piece in zip(sentences, pieces, strict=True):
        own = len(spoken_words(sentence))
        thirds[min(2, 3 * (said + own // 2) // words)].append((sentence, piece))
        said += own
    return [_third(third) for third in thirds]


def _third(pieces: Sequence[tuple[str, Speech]]) -> tuple[Heard, float, float]:
    heard = sum((hear(text, speech) for text, speech in pieces), Heard())
    whole = join([speech for _, speech in pieces])
    score = dnsmos(whole.waveform, whole.sample_rate_hz).overall
    return heard, score, heard.words / whole.seconds


def as_markdown(
    kinds: dict[str, Heard], thirds: Sequence[tuple[Heard, float, float]], title: str
) -> str:
    """Both tables."""
    lines = [f"{title}\n", "| | sentences | words | replaced | lost | added | error rate |"]
    lines.append("|---|---|---|---|---|---|---|")
    for kind, row in {"all": sum(kinds.values(), Heard()), **kinds}.items():
        lines.append(
            f"| {kind} | {row.sentences} | {row.words} | {row.substitutions} | {row.deletions} | "
            f"{row.insertions} | {row.error_rate:.2f} |"
        )
    lines += ["", "| 300 words | words | lost | added | error rate | DNSMOS | words a second |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, (row, score, pace) in zip(("first", "second", "last"), thirds, strict=True):
        lines.append(
            f"| {name} third | {row.words} | {row.deletions} | {row.insertions} | "
            f"{row.error_rate:.2f} | {score:.2f} | {pace:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or with --json the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice")
    parser.add_argument("--quality")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--json", action="store_true")
    choices = parser.parse_args()
    voice = Synthesizer.from_pretrained(choices.voice)
    kinds = by_kind(voice, known_sentences()[: choices.limit], choices.quality)
    thirds = by_third(voice, LONG_TEXT.read_text("utf-8"), choices.quality)
    if choices.json:
        rows = {kind: vars(heard) for kind, heard in kinds.items()}
        parts = [{**vars(h), "dnsmos": score, "words_a_second": pace} for h, score, pace in thirds]
        sys.stdout.write(json.dumps({"kinds": rows, "thirds": parts}) + "\n")
        return
    title = f"{voice.voice.facts.name}, quality {choices.quality or 'as packaged'}"
    sys.stdout.write(as_markdown(kinds, thirds, title) + "\n")


if __name__ == "__main__":
    main()
