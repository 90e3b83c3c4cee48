"""What was measured, utterance by utterance, and the figures over all of them."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError, unknown_name
from tts.evaluation.statistics import (
    Estimate,
    mean,
    mean_difference,
    ratio,
    ratio_difference,
)

NATURAL = "natural"
WORD_ERROR_RATE = "word_error_rate"


@dataclass(frozen=True)
class Scores:
    """One utterance by one system.

    Attributes:
        id: Utterance.
        system: "natural", "synthetic", "griffin-lim" or, as in "4 steps", a step count.
        values: Figures by name.
        text: What is said.
        heard: What the recogniser wrote down; None when it was not asked.
        failures: A sentence for each metric that could not judge this waveform.
    """

    id: str
    system: str
    values: dict[str, float]
    text: str = ""
    heard: str | None = None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Everything measured in a run.

    Attributes:
        scores: One for each utterance and system.
        seed: Of the intervals.
    """

    scores: tuple[Scores, ...]
    seed: int = 0

    @property
    def systems(self) -> list[str]:
        """Who was measured, in the order of the run."""
        return list(dict.fromkeys(score.system for score in self.scores))

    @property
    def failures(self) -> list[str]:
        """What could not be judged, one sentence each."""
        return [f"{s.id}, {s.system}, {text}" for s in self.scores for text in s.failures]

    def has(self, system: str, figure: str) -> bool:
        """Whether a figure was measured for a system on any utterance."""
        return bool(self._column(system, "words" if figure == WORD_ERROR_RATE else figure))

    def estimate(self, system: str, figure: str) -> Estimate:
        """A figure of a system over all utterances, with its 95 % interval.

        Args:
            system: Out of `systems`.
            figure: A name in `Scores.values`, taken as a mean; or "word_error_rate", all errors
                over all words.

        Raises:
            InputError: The system or the figure was not measured.
        """
        if figure == WORD_ERROR_RATE:
            errors, words = self._known(system, "word_errors"), self._known(system, "words")
            return ratio(list(errors.values()), list(words.values()), self.seed)
        return mean(list(self._known(system, figure).values()), self.seed)

    def difference(self, system: str, figure: str, against: str = NATURAL) -> Estimate:
        """A system's figure minus another's, over the utterances that both have.

        Args:
            system: Out of `systems`.
            figure: As for `estimate`.
            against: The other system.

        Raises:
            InputError: A system or the figure was not measured.
        """
        name = "word_errors" if figure == WORD_ERROR_RATE else figure
        one, two = self._known(system, name), self._known(against, name)
        both = [key for key in one if key in two]
        ours, theirs = [one[key] for key in both], [two[key] for key in both]
        if figure == WORD_ERROR_RATE:
            words = self._known(system, "words")
            return ratio_difference(ours, theirs, [words[key] for key in both], self.seed)
        return mean_difference(ours, theirs, self.seed)

    def _column(self, system: str, figure: str) -> dict[str, float]:
        chosen = (s for s in self.scores if s.system == system)
        return {s.id: s.values[figure] for s in chosen if figure in s.values}

    def _known(self, system: str, figure: str) -> dict[str, float]:
        if system not in self.systems:
            raise unknown_name("system", system, self.systems)
        column = self._column(system, figure)
        if not column:
            raise InputError(f"{figure} was not measured for {system} on any utterance")
        return column
