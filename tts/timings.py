"""When each sentence, word and phoneme is said: JSON, SRT, WebVTT and Praat's TextGrid."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError, unknown_name
from core.files import atomic_write
from tts.speech import Span, Speech

# A subtitle is at most two lines of 42 characters, as broadcasters have it.
CUE_CHARACTERS = 84


@dataclass
class Timings:
    """The times of a sound that comes piece by piece.

    Attributes:
        seconds: Length of the sound so far.
        sentences: Its sentences.
        words: Its words.
        phonemes: Its phonemes.
    """

    seconds: float = 0.0
    sentences: list[Span] = field(default_factory=list)
    words: list[Span] = field(default_factory=list)
    phonemes: list[Span] = field(default_factory=list)

    def add(self, speech: Speech) -> None:
        """Append a piece."""
        for mine, theirs in (
            (self.sentences, speech.sentences),
            (self.words, speech.words),
            (self.phonemes, speech.phonemes),
        ):
            mine.extend(span.later(self.seconds) for span in theirs)
        self.seconds += speech.seconds

    def add_silence(self, seconds: float) -> None:
        """Append a pause."""
        self.seconds += seconds


def timings_format(name: str | os.PathLike[str]) -> str:
    """The format that a file name or an extension asks for.

    Args:
        name: "talk.srt", ".srt" or "srt", in any case.

    Returns:
        A key of `FORMATS`: "json", "srt", "vtt" or "TextGrid".

    Raises:
        InputError: There is no such format.
    """
    wanted = os.fspath(name).rpartition(".")[2]
    by_lower = {known.lower(): known for known in FORMATS}
    if wanted.lower() not in by_lower:
        raise unknown_name("timings format", wanted, FORMATS, f"{os.fspath(name)!r}")
    return by_lower[wanted.lower()]


def write_timings(path: str | os.PathLike[str], timings: Timings) -> None:
    """Write times to a file, whole or not at all, in the format that its extension names.

    Raises:
        InputError: There is no such format.
        OSError: The file cannot be written.
    """
    text = FORMATS[timings_format(path)](timings)
    with atomic_write(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8", newline="\n")


def to_json(timings: Timings) -> str:
    """Seconds of every sentence, word and phoneme as one JSON object."""

    def rows(spans: Sequence[Span]) -> list[dict[str, object]]:
        return [
            {
                "text": span.text,
                "start_seconds": round(span.start_seconds, 6),
                "end_seconds": round(span.end_seconds, 6),
            }
            for span in spans
        ]

    facts = {
        "audio_seconds": round(timings.seconds, 6),
        "sentences": rows(timings.sentences),
        "words": rows(timings.words),
        "phonemes": rows(timings.phonemes),
    }
    return json.dumps(facts, ensure_ascii=False, indent=1) + "\n"


def read_frames(path: str | os.PathLike[str], seconds_a_frame: float) -> tuple[int, ...]:
    """Frames of each phoneme from a file.

    Args:
        path: What `to_json` wrote, or a JSON list of whole frames.
        seconds_a_frame: Of the mel.

    Raises:
        InputError: The file cannot be read or holds neither.
    """
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(facts, list):
            if not all(type(count) is int for count in facts):
                raise ValueError("a duration is no whole number")
            return tuple(facts)
        spans = [(row["start_seconds"], row["end_seconds"]) for row in facts["phonemes"]]
        return tuple(round((end - start) / seconds_a_frame) for start, end in spans)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(
            f"{path} holds no durations: write a JSON list of frames, or --timings FILE.json"
        ) from error


def to_srt(timings: Timings) -> str:
    """SubRip: numbered cues of at most 84 characters, cut between words."""
    cues = []
    for number, words in enumerate(_cues(timings), 1):
        times = f"{_clock(words[0].start_seconds, ',')} --> {_clock(words[-1].end_seconds, ',')}"
        cues.append(f"{number}\n{times}\n{' '.join(w.text for w in words)}\n")
    return "\n".join(cues)


def to_vtt(timings: Timings) -> str:
    """WebVTT: the cues of `to_srt`, with the time of every word inside."""
    cues = ["WEBVTT\n"]
    for words in _cues(timings):
        times = f"{_clock(words[0].start_seconds, '.')} --> {_clock(words[-1].end_seconds, '.')}"
        shown, reached = list[str](), _clock(words[0].start_seconds, ".")
        for word in words:
            start = _clock(word.start_seconds, ".")
            # The format wants these times to grow.
            mark = f"<{start}>" if start > reached else ""
            shown.append(mark + html.escape(word.text, quote=False))
            reached = max(start, reached)
        cues.append(f"{times}\n{' '.join(shown)}\n")
    return "\n".join(cues)


def to_textgrid(timings: Timings) -> str:
    """Praat's long text format with the tiers sentences, words and phones."""
    tiers = {
        "sentences": timings.sentences,
        "words": timings.words,
        "phones": timings.phonemes,
    }
    end = f"{timings.seconds:.6f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0"]
    lines += [f"xmax = {end}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, spans) in enumerate(tiers.items(), 1):
        intervals = list(_without_gaps(spans, timings.seconds))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f'        name = "{name}"', "        xmin = 0", f"        xmax = {end}"]
        lines += [f"        intervals: size = {len(intervals)}"]
        for index, span in enumerate(intervals, 1):
            quoted = _line(span.text).replace('"', '""')
            lines += [f"        intervals [{index}]:"]
            lines += [f"            xmin = {span.start_seconds:.6f}"]
            lines += [f"            xmax = {span.end_seconds:.6f}"]
            lines += [f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Timings], str]] = {
    "json": to_json,
    "srt": to_srt,
    "vtt": to_vtt,
    "TextGrid": to_textgrid,
}


def _line(text: str) -> str:
    """A text that cannot break out of its line."""
    return " ".join(text.split())


def _cues(timings: Timings) -> Iterator[list[Span]]:
    """Each sentence's written words in groups, cut before they grow too long."""
    for written in _written(timings):
        cue, characters = list[Span](), 0
        for word in written:
            if cue and characters + len(word.text) > CUE_CHARACTERS:
                yield cue
                cue, characters = [], 0
            cue.append(word)
            characters += len(word.text) + 1
        if cue:
            yield cue


def _written(timings: Timings) -> Iterator[list[Span]]:
    """Each sentence's words as they were written, when the spoken ones are said.

    A date or an amount is spoken in more words than it is written in; where the counts differ, the
    written words are spread over the spoken ones.
    """
    at = 0
    for sentence in timings.sentences:
        spoken = []
        # A microsecond early, so that rounding cannot move a word into the sentence before.
        while at < len(timings.words) and (
            timings.words[at].start_seconds < sentence.end_seconds - 1e-6
        ):
            spoken.append(timings.words[at])
            at += 1
        spoken = spoken or [sentence]
        texts = sentence.text.split()
        firsts = [n * len(spoken) // len(texts) for n in range(len(texts))]
        lasts = [max(n, m - 1) for n, m in zip(firsts, [*firsts[1:], len(spoken)], strict=True)]
        yield [
            Span(text, spoken[n].start_seconds, spoken[m].end_seconds)
            for text, n, m in zip(texts, firsts, lasts, strict=True)
        ]


def _without_gaps(spans: Sequence[Span], seconds: float) -> Iterator[Span]:
    """The spans with empty ones between them, from 0 to the end, as Praat demands."""
    reached = 0.0
    for span in spans:
        if span.end_seconds <= span.start_seconds:
            continue
        if span.start_seconds > reached + 1e-9:
            yield Span("", reached, span.start_seconds)
        yield Span(span.text, max(reached, span.start_seconds), span.end_seconds)
        reached = span.end_seconds
    if seconds > reached + 1e-9:
        yield Span("", reached, seconds)


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    whole = f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}"
    return f"{whole}{point}{rest % 1000:03d}"
