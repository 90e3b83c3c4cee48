"""`straighttalk say`: speak a text."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from tts.cli import flags
from tts.cli.texts import gather
from tts.cli.voices import print_voices
from tts.options import SENTENCE_SILENCE_SECONDS, Options

EXAMPLES = """
Speak a text: to a file, to standard output, or aloud.

Examples:

  straighttalk say "Hello, world." -o hello.wav

  straighttalk say -i book.txt -o book.mp3 --timings book.srt

  straighttalk say -i prompts.txt --output-dir out   (a line `a1|Hello` becomes out/a1.wav)

  echo "Good morning." | straighttalk say --stream -o - | aplay

  straighttalk say "Read [[ɹˈɛd]] slowly." --speed 0.8 --steps 10 --seed 7

  straighttalk say "One, two, three." --pauses 2
"""

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="What to say; - or nothing reads standard input."),
]
Text = Annotated[str | None, typer.Option("-t", "--text", help="The same as TEXT.")]
InputFile = Annotated[
    str | None,
    typer.Option("-i", "--input-file", help="Text to say, in plain lines or lines `id|text`."),
]
OutputFile = Annotated[
    str | None,
    typer.Option("-o", "--output-file", help="FILE.wav, .flac, .mp3, .ogg; - is WAV on stdout."),
]
OutputDir = Annotated[
    str | None,
    typer.Option(help="With -i: a file for every line, named by its id, else by its number."),
]
Format = Annotated[
    str | None,
    typer.Option("-f", "--format", help="wav, flac, mp3, ogg, opus or pcm. Default: by extension."),
]
Speaker = Annotated[
    str | None, typer.Option("-s", "--speaker", help="Speaker, for a voice that has several.")
]
SpeakerVector = Annotated[
    str | None,
    typer.Option(help="FILE.npy that says who speaks, for a voice that knows speakers by vectors."),
]
Durations = Annotated[
    str | None,
    typer.Option(help="JSON with frames of each phoneme, or what --timings FILE.json wrote."),
]
Guidance = Annotated[
    float | None, typer.Option(help="Classifier-free guidance, 0 to 10; 1 is none.")
]
Denoise = Annotated[
    float | None,
    typer.Option(help="How much of the recordings' noise to take out; 0 for none, to 1000."),
]
Speed = Annotated[float, typer.Option(help="Above 1 is faster; 0.25 to 4.")]
Steps = Annotated[int | None, typer.Option(help="Solver steps of the acoustic model.")]
VocoderSteps = Annotated[int | None, typer.Option(help="Solver steps of the vocoder.")]
Temperature = Annotated[float | None, typer.Option(help="Liveliness, 0 to 2.")]
Silence = Annotated[
    float, typer.Option("--sentence-silence", help="Seconds of silence between sentences, 0 to 10.")
]
Pauses = Annotated[
    str | None,
    typer.Option(help="Factor on pauses inside sentences: 1.5, or by mark, as in ',=0.5 ;=2'."),
]
Volume = Annotated[float, typer.Option(help="Factor on the samples, 0 to 10.")]
BatchSize = Annotated[int, typer.Option(help="Sentences made together; changes no sample.")]
Timings = Annotated[
    str | None,
    typer.Option(help="Write times of words to FILE.json, .srt, .vtt or .TextGrid."),
]
Play = Annotated[
    bool | None,
    typer.Option("--play/--no-play", help="Play aloud; the default without -o."),
]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream", help="Play or pipe the first part of a sentence before the rest is made."
    ),
]
ListVoices = Annotated[bool, typer.Option("--list-voices", help="Show the voices and exit.")]
Json = Annotated[
    bool,
    typer.Option("--json", help="A JSON line an utterance, on stderr when stdout has the sound."),
]


def say(
    words: Words = None,
    text: Text = None,
    input_file: InputFile = None,
    output_file: OutputFile = None,
    output_dir: OutputDir = None,
    format: Format = None,
    voice: flags.Voice = None,
    speaker: Speaker = None,
    speaker_vector: SpeakerVector = None,
    language: flags.Language = None,
    speed: Speed = 1.0,
    quality: flags.Quality = None,
    steps: Steps = None,
    vocoder_steps: VocoderSteps = None,
    method: flags.Method = None,
    grid: flags.Grid = None,
    temperature: Temperature = None,
    guidance: Guidance = None,
    denoise: Denoise = None,
    durations: Durations = None,
    seed: flags.Seed = 0,
    sentence_silence: Silence = SENTENCE_SILENCE_SECONDS,
    pauses: Pauses = None,
    volume: Volume = 1.0,
    batch_size: BatchSize = 1,
    device: flags.Device = "auto",
    lexicon: flags.Lexicon = None,
    normalize: flags.Normalize = True,
    timings: Timings = None,
    play: Play = None,
    stream: Stream = False,
    as_json: Json = False,
    quiet: flags.Quiet = False,
    list_voices: ListVoices = False,
    version: flags.Version = False,
    debug: flags.Debug = False,
) -> None:
    """Speak a text."""
    if list_voices:
        print_voices(as_json)
        return
    if output_file is not None and output_dir is not None:
        raise typer.BadParameter("give -o FILE or --output-dir DIR, not both")
    if output_dir is not None and (play or words or text):
        raise typer.BadParameter("--output-dir goes with -i FILE, and not with TEXT or --play")
    utterances = gather(words or [], text, input_file, one_a_line=output_dir is not None)
    options = Options(
        speaker=speaker, speed=speed, quality=quality, steps=steps, vocoder_steps=vocoder_steps,
        method=method, grid=grid, temperature=temperature, guidance=guidance,
        denoise=denoise, seed=seed, sentence_silence_seconds=sentence_silence, pauses=pauses,
    )  # fmt: skip
    # PyTorch takes a second to load, which --help and wrong options need not wait for.
    from tts.cli.speaking import Request, given, speak
    from tts.synthesizer import Synthesizer

    request = Request(
        options=options, output=output_file, directory=output_dir, format=format, play=play,
        timings=timings, volume=volume, batch_size=batch_size, stream=stream, as_json=as_json,
        quiet=quiet,
    )  # fmt: skip
    synthesizer = Synthesizer.from_pretrained(
        voice, device=device, language=language, lexicon=lexicon, normalize=normalize
    )
    options = given(options, speaker_vector, durations, synthesizer.acoustic.spec)
    speak(synthesizer, replace(request, options=options), utterances)
