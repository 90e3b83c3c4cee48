"""The vocoder beside a generator in the style of Vocos, trained on the same data.

python -m benchmarks.vocos_style train --features data/kathleen/features --steps 3000
python -m benchmarks.vocos_style judge --features data/kathleen/features --limit 60

Vocos (Siuzdak, 2023) answers a mel with the magnitudes and phases of an STFT in one pass and no
noise. Here it has the sizes of the house's network, and the critics, windows and optimiser of
configs/kathleen-vocoder-sharp.yaml, and begins with random weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from core.audio.mel import MelSpec
from core.audio.stft import Stft
from core.checkpoint import load_weights
from core.config import load_config
from core.data.store import UtteranceStore
from core.errors import InputError
from core.nn import ConvNeXtBlock
from core.training import WEIGHTS, fit
from tts.evaluation import choose_utterances, evaluate_copy_synthesis
from vocoder import Vocoder
from vocoder.adversarial import AdversarialVocoderTask
from vocoder.consistency import impose_mel
from vocoder.envelope import MelEnvelope
from vocoder.interface import Generated, Sampling, VocoderModel
from vocoder.training import FixedWindows, VocoderExperiment, Windows

CONFIG = Path(__file__).parents[1] / "configs" / "kathleen-vocoder-sharp.yaml"
LARGEST_LOG_MAGNITUDE = 5.0
FIGURES = ("pesq", "log_mel_l1", "dnsmos", "p808")


class VocosStyle(VocoderModel):
    """Log mel to waveform by ConvNeXt blocks and an inverse STFT.

    Args:
        spec: The mel contract; its STFT is the one that is inverted.
        channels: Width.
        blocks: Number of ConvNeXt blocks.
    """

    def __init__(self, spec: MelSpec, channels: int = 384, blocks: int = 10) -> None:
        super().__init__()
        self.spec = spec
        self.stft = Stft(spec.n_fft, spec.hop_samples, spec.win_samples)
        self.envelope = MelEnvelope(spec)
        self.first = nn.Conv1d(spec.n_mels, channels, 7, padding=3)
        self.norm_first = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(ConvNeXtBlock(channels) for _ in range(blocks))
        self.norm_last = nn.LayerNorm(channels)
        self.last = nn.Linear(channels, spec.n_fft + 2)

    def forward(self, log_mel: Tensor) -> Tensor:
        """(B, M, T) to (B, T * hop)."""
        hidden = self.norm_first(self.first(log_mel).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden, None)
        level, phase = self.last(self.norm_last(hidden)).float().transpose(1, 2).chunk(2, dim=1)
        magnitude = level.clamp(max=LARGEST_LOG_MAGNITUDE).exp()
        return self.stft.inverse(torch.polar(magnitude, phase))

    def measure_corpus(self, waveform: Tensor, log_mel: Tensor) -> None:
        """Nothing: it learns the corpus's statistics itself."""

    def training_loss(self, waveform: Tensor, log_mel: Tensor) -> dict[str, Tensor]:
        """None of its own.

        Raises:
            TypeError: Always; the critics' game is its only loss.
        """
        raise TypeError("a Vocos-style generator is trained against critics alone")

    @torch.inference_mode()
    def generate(
        self,
        log_mel: Tensor,
        seeds: Sequence[int],
        sampling: Sampling,
        mask: Tensor | None = None,
    ) -> Generated:
        """One pass, then the rounds; see `VocoderModel.generate`."""
        known = (log_mel, self.envelope, self.stft)
        rounds = sampling.final_rounds
        return Generated(impose_mel(self(log_mel), *known, rounds, sampling.momentum, mask), 1)


class VocosTask(AdversarialVocoderTask):
    """The same game, played by one pass in place of a solver."""

    def sample(self, log_mel: Tensor, steps: int) -> Tensor:
        """What it makes of mels."""
        made: Tensor = self.model(log_mel)
        return made


def train(features: Path, directory: Path, steps: int, resume: bool) -> None:
    """Train it, and say how long that took."""
    overrides = [f"training.steps={steps}", f"training.validate_every_steps={steps}"]
    experiment = load_config(CONFIG, VocoderExperiment, overrides)
    game, spec, seed = experiment.adversarial, experiment.mel, experiment.training.seed
    assert game is not None
    windows, held_out = (
        Windows(UtteranceStore(features, split), experiment.data, spec, number)
        for split, number in (("train", seed), ("valid", 1))
    )
    torch.manual_seed(seed)
    sampling = Sampling(**experiment.vocoder.sampling.model_dump())
    task = VocosTask(VocosStyle(spec), experiment.training, sampling, game)
    loader = DataLoader(FixedWindows(held_out), batch_size=None)
    fit(task, windows, loader, directory, resume=resume, accelerator="cpu")
    sys.stdout.write(f"{time.process_time() / 60:.1f} minutes of processor time\n")


def judge(features: Path, directory: Path, limit: int, workers: int) -> None:
    """Print a table: ours at each quality, and Vocos-style with and without the rounds."""
    ours = Vocoder.from_pretrained()
    model = VocosStyle(ours.spec)
    load_weights(directory / WEIGHTS, model)
    plain = Sampling(1, "euler", "uniform", 0, 0, ours.defaults.momentum)
    rounds = ours.defaults.final_rounds
    polished = Sampling(1, "euler", "uniform", 0, rounds, ours.defaults.momentum)
    store = UtteranceStore(features, "test")
    chosen = choose_utterances(store.utterances, limit)
    recordings = [(store.utterances[i].id, store.waveform(i)) for i in chosen]
    entries: dict[str, tuple[Vocoder, str | None]] = {
        "Vocos-style": (Vocoder(model, plain), None),
        f"Vocos-style, {rounds} rounds": (Vocoder(model, polished), None),
        **{f"ours, {name}": (ours, name) for name in ("fast", "balanced", "best")},
    }
    sys.stdout.write("| system | " + " | ".join(FIGURES) + " |\n" + "|---" * 5 + "|\n")
    for name, (vocoder, quality) in entries.items():

        def vocode(
            mel: Tensor, steps: int, seed: int, v: Vocoder = vocoder, q: str | None = quality
        ) -> Tensor:
            return v.vocode(mel, quality=q, seed=seed).waveform[0]

        first = name == "Vocos-style"
        judged = evaluate_copy_synthesis(
            recordings, ours.spec, vocode, (1,), baseline=first, workers=workers
        )
        systems = {"natural": "natural", "griffin-lim": "Griffin-Lim"} if first else {}
        for system, label in {**systems, "1 step": name}.items():
            cells = (
                judged.estimate(system, f).text() if judged.has(system, f) else "" for f in FIGURES
            )
            sys.stdout.write(f"| {label} | " + " | ".join(cells) + " |\n")
        sys.stdout.flush()


def main(given: Sequence[str] | None = None) -> None:
    """Train or judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("task", choices=("train", "judge"))
    parser.add_argument("--features", type=Path, required=True, help="the feature store")
    parser.add_argument("--output-dir", type=Path, default=Path("runs/vocos-style"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--limit", type=int, default=60, help="most utterances")
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    if asked.task == "train":
        asked.output_dir.mkdir(parents=True, exist_ok=True)
        train(asked.features, asked.output_dir, asked.steps, asked.resume)
    else:
        judge(asked.features, asked.output_dir, asked.limit, asked.workers)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
