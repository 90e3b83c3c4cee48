"""`straighttalk train`: train a model from YAML."""

from __future__ import annotations

import signal
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from core.errors import unknown_name
from tts.cli import flags
from tts.cli.messages import tell

EXAMPLES = """
Train the acoustic model or the vocoder.

Ctrl-C and SIGTERM save the state; --resume goes on from it.

Examples:

  straighttalk train vocoder configs/kathleen-vocoder.yaml

  straighttalk train acoustic my.yaml --set training.steps=1000 --set data.features=features

  straighttalk train acoustic my.yaml --resume --device cuda
"""
DEVICES = ("auto", "cpu", "cuda", "mps")


class Model(str, Enum):
    """What can be trained."""

    acoustic = "acoustic"
    vocoder = "vocoder"


Which = Annotated[Model, typer.Argument(metavar="acoustic|vocoder", help="Which model.")]
ConfigFile = Annotated[str, typer.Argument(metavar="CONFIG", help="The experiment's YAML.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key, as in training.steps=1000."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the newest state.")]
OutputDir = Annotated[
    str | None, typer.Option(help="For states, weights and logs. Default: runs/<name>.")
]


def train(
    model: Which,
    config: ConfigFile,
    overrides: Set = None,
    resume: Resume = False,
    output_dir: OutputDir = None,
    device: flags.Device = "auto",
    debug: flags.Debug = False,
) -> None:
    """Train a model."""
    if device not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    directory = Path(output_dir) if output_dir else None
    # Lightning saves the state on SIGTERM by itself, and calls a handler that is already there
    # first: ours would end the program before that.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        start(model, config, overrides or [], resume, directory, device)
    except SystemExit as end:
        raise typer.Exit(_exit_code(end)) from end


def start(
    model: Model,
    config: str,
    overrides: list[str],
    resume: bool,
    directory: Path | None,
    device: str,
) -> None:
    """Read the configuration and train.

    Args:
        model: Which.
        config: The YAML file.
        overrides: Changes on top of it.
        resume: Go on from the newest state.
        directory: For states, weights and logs; None for `runs/<name>`.
        device: Lightning's accelerator.

    Raises:
        InputError: The configuration, the features or the states are not fit for it.
    """
    from core.config import load_config

    if model is Model.acoustic:
        from tts.training import AcousticExperiment, train_acoustic

        acoustic = load_config(config, AcousticExperiment, overrides)
        target = directory or Path("runs") / acoustic.name
        train_acoustic(acoustic, target, resume=resume, accelerator=device)
    else:
        from vocoder.training import VocoderExperiment, train_vocoder

        vocoder = load_config(config, VocoderExperiment, overrides)
        target = directory or Path("runs") / vocoder.name
        train_vocoder(vocoder, target, resume=resume, accelerator=device)
    tell(f"trained: the weights are in {target / 'weights.safetensors'}")


def _exit_code(end: SystemExit) -> int:
    """0 after SIGTERM and 130 after Ctrl-C, both of which Lightning turns into a SystemExit."""
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    if isinstance(end, SIGTERMException):
        tell("stopped; go on with --resume")
        return 0
    # Lightning ends with 1 and the KeyboardInterrupt as the reason.
    if isinstance(end.__context__, KeyboardInterrupt):
        tell("interrupted; go on with --resume")
        return 130
    return end.code if isinstance(end.code, int) else 1
