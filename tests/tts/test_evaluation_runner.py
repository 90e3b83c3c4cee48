"""Many utterances, in this process and in others, and what is summed up of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.audio.mel import MelSpec
from core.data.store import Utterance
from core.errors import InputError
from tests.espeak_corpus import SENTENCES, speak
from tts.evaluation import (
    Evaluation,
    Scores,
    SpeechPair,
    choose_utterances,
    evaluate_copy_synthesis,
    evaluate_speech,
)
from tts.evaluation.measuring import check_metrics

SPEC = MelSpec()
SAY = ("Please come back.", SENTENCES[2])


def voice(text: str) -> np.ndarray:
    return 0.5 * speak(text, 22050, voice="en-us+f2", pitch=40)


def pairs() -> list[SpeechPair]:
    """Speech beside silence, which is the worst there is."""
    return [
        SpeechPair(f"u{i}", text, voice(text), torch.zeros(22050)) for i, text in enumerate(SAY)
    ]


def test_speech_is_judged_beside_nature_and_silence_counts_as_unheard() -> None:
    """A silent synthesis gets every word wrong, and what could not be judged is said."""
    done: list[int] = []
    found = evaluate_speech(pairs(), SPEC, progress=done.append)
    assert found.systems == ["natural", "synthetic"]
    assert found.estimate("synthetic", "word_error_rate").value == 1.0
    natural = found.estimate("natural", "word_error_rate").value
    assert natural < 0.8
    difference = found.difference("synthetic", "word_error_rate")
    assert difference.value == pytest.approx(1.0 - natural)
    assert found.has("natural", "dnsmos")
    assert not found.has("synthetic", "dnsmos")
    assert [text.split(", ")[:2] for text in found.failures] == [
        ["u0", "synthetic"], ["u0", "synthetic"], ["u1", "synthetic"], ["u1", "synthetic"],
    ]  # fmt: skip
    assert done == [1, 1]


def test_copies_are_made_of_the_mel_with_steps_and_seed() -> None:
    """Each recording's mel goes to every step count, with a seed of its own for each recording."""
    asked: list[tuple[tuple[int, ...], int, int]] = []

    def vocode(mel: torch.Tensor, steps: int, seed: int) -> torch.Tensor:
        asked.append((tuple(mel.shape), steps, seed))
        wave = torch.from_numpy(voice(SAY[seed - 5]))
        noise = torch.randn(len(wave), generator=torch.Generator().manual_seed(seed))
        return (wave + 0.1 * noise / steps)[None]

    recordings = [(f"u{i}", voice(text)) for i, text in enumerate(SAY)]
    found = evaluate_copy_synthesis(
        recordings, SPEC, vocode, [1, 100], ["pesq", "mel", "dnsmos"], seed=5
    )
    frames = [-(-len(wave) // 256) for _, wave in recordings]
    assert asked == [((1, 80, n), s, 5 + i) for i, n in enumerate(frames) for s in (1, 100)]
    assert found.systems == ["natural", "griffin-lim", "1 step", "100 steps"]
    assert found.failures == []
    quality = [found.estimate(name, "pesq").value for name in found.systems[1:]]
    assert quality[2] > quality[1]
    near = [found.estimate(name, "log_mel_l1").value for name in found.systems[1:]]
    assert near[2] < near[1]
    assert (
        found.difference("1 step", "dnsmos").value < found.difference("100 steps", "dnsmos").value
    )


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    """Two processes of one thread each, and this one, find the same figures in the same order."""
    recordings = [(f"u{i}", voice(text)) for i, text in enumerate(SAY)]

    def run(workers: int) -> Evaluation:
        return evaluate_copy_synthesis(
            recordings, SPEC, lambda mel, steps, seed: torch.from_numpy(voice(SAY[seed])), [1],
            ["pesq", "mel"], workers=workers,
        )  # fmt: skip

    alone, together = run(1), run(2)
    assert [(s.id, s.system) for s in alone.scores] == [(s.id, s.system) for s in together.scores]
    for one, two in zip(alone.scores, together.scores, strict=True):
        assert one.values == pytest.approx(two.values, abs=1e-3)


def test_mistakes_are_said_before_any_work() -> None:
    """Metric, language, steps, workers, nothing to do."""
    with pytest.raises(InputError, match="unknown metric 'pesk', did you mean 'pesq'"):
        check_metrics(["pesk"])
    with pytest.raises(InputError, match="unknown metric 'pesq'"):
        evaluate_speech(pairs(), SPEC, ["pesq"])
    with pytest.raises(InputError, match="no metric was chosen"):
        check_metrics([])
    with pytest.raises(InputError, match="knows English, not 'de'"):
        evaluate_speech(pairs(), SPEC, language="de")
    with pytest.raises(InputError, match=r"step counts are \[0, 4\]"):
        evaluate_copy_synthesis([], SPEC, lambda mel, steps, seed: mel, [0, 4])
    with pytest.raises(InputError, match="workers is 0"):
        evaluate_speech(pairs(), SPEC, workers=0)
    with pytest.raises(InputError, match="no utterances to evaluate"):
        evaluate_speech([], SPEC)


def test_an_error_rate_is_of_the_corpus_and_not_a_mean_of_rates() -> None:
    """1 error in 2 words and 0 in 8 make 1 in 10, not a quarter."""
    found = Evaluation(
        (
            Scores("a", "natural", {"words": 2, "word_errors": 1}),
            Scores("b", "natural", {"words": 8, "word_errors": 0}),
        )
    )
    assert found.estimate("natural", "word_error_rate").value == 0.1


def test_a_difference_is_of_the_utterances_that_both_have() -> None:
    """What one system could not be judged on tells nothing of the other."""
    found = Evaluation(
        (
            Scores("a", "natural", {"dnsmos": 3.0}),
            Scores("b", "natural", {"dnsmos": 1.0}),
            Scores("a", "4 steps", {"dnsmos": 2.5}),
            Scores("b", "4 steps", {}, failures=("dnsmos: the waveform is silent",)),
        )
    )
    assert found.difference("4 steps", "dnsmos").value == -0.5
    assert found.difference("4 steps", "dnsmos").count == 1
    with pytest.raises(InputError, match="did you mean '4 steps'"):
        found.estimate("4 step", "dnsmos")
    with pytest.raises(InputError, match="pesq was not measured for natural"):
        found.estimate("natural", "pesq")


def utterance(name: str, prompt: str, speaker: str = "") -> Utterance:
    return Utterance(id=name, samples=1, speaker=speaker, extra={"prompt": prompt})


def test_the_first_take_of_each_sentence_is_chosen() -> None:
    """Of each speaker; where no sentence is named every utterance is its own."""
    takes = [utterance("a1", "a"), utterance("a2", "a"), utterance("b1", "b")]
    assert choose_utterances(takes) == [0, 2]
    assert choose_utterances([utterance("x", "a", "p225"), utterance("y", "a", "p226")]) == [0, 1]
    assert choose_utterances([utterance("x", ""), utterance("y", "")]) == [0, 1]


def test_a_limit_takes_evenly_from_all() -> None:
    """Not the first ones, which in a corpus of many speakers are all of one."""
    many = [utterance(f"u{i}", f"p{i}") for i in range(10)]
    assert choose_utterances(many, 5) == [0, 2, 4, 6, 8]
    assert choose_utterances(many, 99) == list(range(10))
    with pytest.raises(InputError, match="limit is 0"):
        choose_utterances(many, 0)
    with pytest.raises(InputError, match="no utterances"):
        choose_utterances([])
