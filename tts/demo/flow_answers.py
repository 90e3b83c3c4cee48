"""What the tab of flows answers, as HTML."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import InputError
from core.flow import choose_grid
from text import TextError
from tts.demo.cards import Card, show_cards
from tts.demo.charts import Line, chart, legend
from tts.demo.comparing import STEPS, Choices, compare
from tts.demo.files import Files
from tts.demo.flows import Flow, bend_profile, mel_flow, walk, wave_flow
from tts.demo.limits import FLOW_CHARACTERS, check_text, whole_number
from tts.demo.messages import empty, mistake, said
from tts.demo.pictures import mel_png
from tts.demo.voices import Voices
from tts.demo.walking import show_paths, show_walk
from tts.speech import Speech
from tts.synthesizer import Synthesizer

OWN = "default"
FLOWS = {"mel": "Mel decoder", "vocoder": "Vocoder"}
WALK_STEPS = 24
REFLOW = "reflow"
NARROW = "st-narrow"
NO_WALK = empty("A slider from noise to speech.")
NO_BENDS = empty("How far each velocity is from the straight line to its end, over time.")


def compared(
    voices: Voices, files: Files, halves: str, voice: str, text: str, method: str, grid: str,
    seed: object,
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """HTML of the cards so far and of the status, after each number of steps."""
    shown: list[Card] = []
    try:
        own, chosen = _own(method, grid), whole_number("seed", seed or 0, 0, 2**53)
        choices, synthesizer = Choices(halves, *own, chosen), voices.take(voice)
        for number, speech in compare(synthesizer, text or "", choices):
            shown.append(_card(number, speech, files))
            left = [str(steps) for steps in STEPS[len(shown) :]]
            still = f"{left[0]} steps …" if left else ""
            yield (
                show_cards(shown, still, NARROW),
                said("" if left else f"On {synthesizer.device}."),
            )
    except (InputError, TextError) as error:
        yield show_cards(shown, kind=NARROW), mistake(error)


def _card(number: int, speech: Speech, files: Files) -> Card:
    def half(nfe: int, seconds: float) -> str:
        evaluations = f"{nfe} evaluation{'s' * (nfe != 1)}"
        return f"{evaluations}\n{seconds:.2f} s · RTF {seconds / speech.seconds:.3f}"

    return Card(
        title=f"{number} step{'s' * (number != 1)}",
        sound=files.put_sound(speech.waveform, speech.sample_rate_hz, f"{number}-steps.wav"),
        pictures={"Mel": files.put("mel.png", mel_png(speech.mel))},
        facts={
            "Mel decoder": half(speech.acoustic_nfe, speech.acoustic_seconds),
            "Vocoder": half(speech.vocoder_nfe, speech.vocoder_seconds),
        },
    )


def walked(
    voices: Voices, files: Files, which: str, steps: float, voice: str, text: str, method: str,
    grid: str, seed: object,
) -> tuple[str, str]:  # fmt: skip
    """HTML of the walk with its paths, and of the status."""
    try:
        synthesizer = voices.take(voice)
        number = whole_number("steps", steps, 1, WALK_STEPS)
        own_method, own_grid = _own(method, grid)
        flow = flow_of(synthesizer, which, text or "", whole_number("seed", seed or 0, 0, 2**53))
        mel = which == "mel"
        habits = synthesizer.acoustic.config.sampling if mel else synthesizer.vocoder.defaults
        chosen = own_method or habits.method
        nodes = walk(flow, number, chosen, choose_grid(habits, own_grid, number, chosen))
    except (InputError, TextError) as error:
        return NO_WALK, mistake(error)
    caption = (
        "Four elements of the state on their way; the dotted lines are straight."
        if len(nodes) > 2
        else "With one step every path is a straight line."
    )
    paths = f"<figure>{show_paths(nodes)}<figcaption>{caption}</figcaption></figure>"
    moving = show_walk(nodes, synthesizer.sample_rate_hz, files)
    return f'<div class="st-two">{moving}{paths}</div>', said(f"{len(nodes)} states.")


def measured(voices: Voices, voice: str, text: str, seed: object) -> tuple[str, str]:
    """HTML of the bends of both halves over time, before and after reflow where there are both."""
    try:
        number = whole_number("seed", seed or 0, 0, 2**53)
        synthesizer = voices.take(voice)
        lines = _bends(synthesizer, text or "", number, "", ("st-a", "st-b"))
        after = synthesizer.voice.directory / REFLOW
        if after.is_dir():
            straightened = Synthesizer.from_pretrained(after, device=str(synthesizer.device))
            lines += _bends(straightened, text, number, ", after reflow", ("st-c", "st-d"))
    except (InputError, TextError) as error:
        return NO_BENDS, mistake(error)
    title = "Squared distance of the velocity from the straight line, in shares of its length"
    picture = chart(title, "time t", "bend", lines, 0.0)
    return (
        f'<figure class="st-bends">{picture}{legend(lines)}<figcaption>S is the mean over time '
        "(Liu et al., 2023); it is 0 for straight paths.</figcaption></figure>",
        said(),
    )


def _bends(
    synthesizer: Synthesizer, text: str, seed: int, suffix: str, kinds: tuple[str, str]
) -> list[Line]:
    lines = []
    for (which, name), kind in zip(FLOWS.items(), kinds, strict=True):
        try:
            flow = flow_of(synthesizer, which, text, seed)
        except InputError:
            if which == "mel":
                raise
            # A vocoder that is no flow has no paths.
            continue
        times, values = bend_profile(flow)
        mean = sum(values) / len(values)
        label = f"{name}{suffix}: S = {mean:.3f}"
        lines.append(Line(label, times, values, kind))
    return lines


def flow_of(synthesizer: Synthesizer, which: str, text: str, seed: int) -> Flow:
    """One of the two flows of a voice for a sentence.

    Args:
        synthesizer: The voice.
        which: A key of `FLOWS`.
        text: A short one.
        seed: Of the noise.

    Raises:
        InputError: The text is too long, there is no such flow, or the vocoder is none.
        text.TextError: There is nothing to say.
    """
    check_text(text, FLOW_CHARACTERS)
    if which not in FLOWS:
        raise InputError(f"there is no flow {which!r}; allowed: {', '.join(FLOWS)}")
    utterance = synthesizer.frontend.process(text)
    if which == "mel":
        return mel_flow(synthesizer, utterance, seed)
    speaker = next(iter(synthesizer.speakers), None)
    speech = synthesizer.synthesize(text, speaker=speaker, seed=seed)
    return wave_flow(synthesizer, speech.mel, seed)


def _own(method: str | None, grid: str | None) -> tuple[str | None, str | None]:
    """Method and grid, None where the voice's own is wanted."""
    return (
        None if method in (None, "", OWN) else method,
        None if grid in (None, "", OWN) else str(grid).strip(),
    )
