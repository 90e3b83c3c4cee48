"""How good speech is: what a recogniser hears, predicted opinion, distance from the natural sound.

`runner` measures many utterances in parallel, `results` sums them up with intervals, `report`
writes them down. The metrics themselves are functions of waveforms and stand alone:
`recognition`, `quality`, `spectral`, `pitch`, with `griffin_lim` as the baseline to beat.
"""

from __future__ import annotations

from tts.evaluation.results import Evaluation, Scores
from tts.evaluation.runner import (
    SpeechPair,
    choose_utterances,
    evaluate_copy_synthesis,
    evaluate_speech,
)
from tts.evaluation.statistics import Estimate

__all__ = [
    "Estimate",
    "Evaluation",
    "Scores",
    "SpeechPair",
    "choose_utterances",
    "evaluate_copy_synthesis",
    "evaluate_speech",
]
