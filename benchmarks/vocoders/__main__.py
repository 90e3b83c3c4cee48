"""The race by one command.

python -m benchmarks.vocoders --features data/kathleen/features --minutes 30 --output-dir runs/race
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.vocoders.entries import choose
from core.errors import InputError

STAGES = ("all", "train", "train-one", "evaluate", "report")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vocoders",
        description="Train every vocoder for the same time, judge them, write table and pictures.",
        epilog="Each stage goes on where it was killed. train-one is what train starts.",
    )
    parser.add_argument("--features", required=True, help="the feature store")
    parser.add_argument("--minutes", type=float, default=30.0, help="of one thread, for each")
    parser.add_argument("--output-dir", required=True, help="for trainings and figures")
    parser.add_argument("--stage", choices=STAGES, default="all")
    parser.add_argument("--only", help="names of vocoders with commas between")
    parser.add_argument("--split", default="test", help="of the store, to judge on")
    parser.add_argument("--limit", type=int, default=20, help="most utterances to judge on")
    parser.add_argument("--parallel", type=int, default=1, help="trainings at a time")
    parser.add_argument("--workers", type=int, default=1, help="processes that measure")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--docs", default="docs", help="for the page and its pictures")
    return parser.parse_args()


def main() -> int:
    """Run the stages."""
    chosen = parse()
    try:
        run(chosen)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def run(chosen: argparse.Namespace) -> None:
    """Run the stages that were chosen.

    Raises:
        InputError: A choice, the features or a former stage are not fit for it.
    """
    from benchmarks.vocoders.evaluation import evaluate_all
    from benchmarks.vocoders.report import report
    from benchmarks.vocoders.training import train_all, train_one

    names, directory = choose(chosen.only), Path(chosen.output_dir)
    features = Path(chosen.features)
    if not chosen.minutes > 0:
        raise InputError(f"minutes is {chosen.minutes}; it must be above 0")
    if min(chosen.parallel, chosen.workers, chosen.limit) < 1:
        raise InputError("parallel, workers and limit must be 1 or more")
    if chosen.stage == "train-one":
        for name in names:
            train_one(name, features, chosen.minutes, directory, chosen.device)
    if chosen.stage in ("all", "train"):
        train_all(
            names, features, chosen.minutes, directory,
            device=chosen.device, parallel=chosen.parallel,
        )  # fmt: skip
    if chosen.stage in ("all", "evaluate"):
        evaluate_all(
            names, features, chosen.split, chosen.limit, directory,
            device=chosen.device, workers=chosen.workers,
        )  # fmt: skip
    if chosen.stage in ("all", "report"):
        command = (
            f"python -m benchmarks.vocoders --features {chosen.features} "
            f"--minutes {chosen.minutes:g} --limit {chosen.limit} --output-dir {chosen.output_dir}"
        )
        report(directory, Path(chosen.docs), command)


if __name__ == "__main__":
    sys.exit(main())
