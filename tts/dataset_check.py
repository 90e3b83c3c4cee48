"""What is wrong, or may be wrong, with a corpus's recordings, found while features are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from core.errors import InputError

# Fewer samples than one in a thousand of full scale are silence.
SILENT_PEAK = 1e-3
CLIPPED_PEAK = 0.999
CLIPPED_RUN = 4
LONG_SECONDS = 20.0
# Beyond these multiples of the corpus's median pace, text and sound hardly belong together.
FAST, SLOW = 1.8, 0.4
MOST_UNUSABLE = 0.02
HISTOGRAM_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
SHOWN = 5


def is_clipped(waveform: np.ndarray) -> bool:
    """Whether several samples in a row stand at full scale, which sound by itself does not do."""
    full = np.abs(waveform) >= CLIPPED_PEAK
    edges = np.flatnonzero(np.diff(np.concatenate([[0], full.astype(np.int8), [0]])))
    return bool(len(edges)) and int((edges[1::2] - edges[::2]).max()) >= CLIPPED_RUN


@dataclass
class DatasetReport:
    """What was found in a corpus.

    Attributes:
        counts: Usable utterances in each split.
        seconds: Their speech in each split.
        unusable: Why utterances were left out, and which.
        doubtful: What to listen to before training, and which; these are kept.
        pace: Symbols a second of every usable utterance.
        durations: Seconds of every usable utterance.
        speakers: Usable utterances of each speaker.
    """

    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    unusable: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    doubtful: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pace: dict[str, float] = field(default_factory=dict)
    durations: list[float] = field(default_factory=list)
    speakers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def take(
        self,
        name: str,
        split: str,
        raw: np.ndarray,
        seconds: float,
        raw_seconds: float,
        symbols: int,
        speaker: str = "",
    ) -> None:
        """Count a usable utterance and note what is doubtful about it.

        Args:
            name: Its id.
            split: Where it goes.
            raw: The recording as it was read (L,).
            seconds: Length after trimming.
            raw_seconds: Length before.
            symbols: Phoneme ids.
            speaker: Who speaks.
        """
        self.counts[split] = self.counts.get(split, 0) + 1
        self.seconds[split] = self.seconds.get(split, 0.0) + seconds
        self.durations.append(seconds)
        self.pace[name] = symbols / seconds
        if speaker:
            self.speakers[speaker] += 1
        if is_clipped(raw):
            self.doubtful["clipped"].append(name)
        if seconds > LONG_SECONDS:
            self.doubtful[f"longer than {LONG_SECONDS:g} s"].append(name)
        if seconds < raw_seconds / 2:
            self.doubtful["more than half of it silence, cut"].append(name)

    def finish(self) -> None:
        """Compare every utterance's pace with the corpus's.

        Raises:
            InputError: So many are unusable that the corpus itself must be wrong, or a split that
                training needs is empty.
        """
        pace = np.array(list(self.pace.values()))
        middle = float(np.median(pace)) if len(pace) else 0.0
        for name, own in self.pace.items():
            if own > FAST * middle:
                self.doubtful["too short for its text"].append(name)
            elif own < SLOW * middle:
                self.doubtful["too long for its text"].append(name)
        bad = sum(map(len, self.unusable.values()))
        total = bad + len(self.pace)
        if bad > MOST_UNUSABLE * total:
            raise InputError(
                f"{bad} of {total} utterances are unusable: {'; '.join(_listed(self.unusable))}"
            )
        for split in ("train", "valid"):
            if not self.counts.get(split):
                raise InputError(f"the corpus has no usable utterance in its split {split!r}")

    def facts(self) -> dict[str, object]:
        """Counts and names, to be kept beside the features."""
        return {
            "utterances": self.counts,
            "seconds": {split: round(value, 1) for split, value in self.seconds.items()},
            "unusable": dict(self.unusable),
            "doubtful": dict(self.doubtful),
        }

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [
            f"{split}: {count} utterances, {self.seconds[split] / 60:.1f} minutes"
            for split, count in self.counts.items()
        ]
        if self.speakers:
            least, count = min(self.speakers.items(), key=lambda pair: pair[1])
            lines.append(f"{len(self.speakers)} speakers; fewest utterances: {count} of {least}")
        lines += ["length:", *self._histogram()]
        lines += [f"left out, {line}" for line in _listed(self.unusable)]
        lines += [f"kept, but listen: {line}" for line in _listed(self.doubtful)]
        if not (self.unusable or self.doubtful):
            lines.append("nothing unusable, nothing doubtful")
        return lines

    def _histogram(self) -> list[str]:
        edges = [*HISTOGRAM_SECONDS, np.inf]
        counts, _ = np.histogram(self.durations, edges)
        widest = max(int(counts.max()), 1)
        names = [
            f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s and more"
            for low, high in pairwise(edges)
        ]
        return [
            f"  {name:>13} {count:6d} {'#' * round(40 * count / widest)}".rstrip()
            for name, count in zip(names, counts.tolist(), strict=True)
        ]


def _listed(found: Mapping[str, list[str]]) -> list[str]:
    lines = []
    for kind, names in found.items():
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(f"{kind}: {len(names)} ({', '.join(names[:SHOWN])}{more})")
    return lines
