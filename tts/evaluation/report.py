"""Results on paper: one JSON line an utterance, and rows of a Markdown table that grows."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import torch

from core.errors import InputError
from core.files import atomic_write
from tts.evaluation.results import NATURAL, WORD_ERROR_RATE, Evaluation
from tts.evaluation.runner import SYNTHETIC

SPEECH_HEADING = "Speech from text"
COPY_HEADING = "Copy-synthesis"
_NAMES = {
    "pesq": "PESQ (wide band)",
    "log_mel_l1": "log-mel L1",
    "spectral_db": "mel distance, dB",
    "dnsmos": "DNSMOS",
    "dnsmos_signal": "SIG",
    "dnsmos_background": "BAK",
    "p808": "P.808",
    "f0_rmse_cents": "F0 RMSE, cents",
    "voicing_error": "voicing error",
}


@dataclass(frozen=True)
class Provenance:
    """Where figures come from.

    Attributes:
        date: Day of the run, UTC.
        version: Commit of the source tree, or version of the installed package.
        command: What was run.
        hardware: Processor or accelerator.
        seed: Of synthesis and intervals.
        note: Anything else, such as hours of training.
    """

    date: str
    version: str
    command: str
    hardware: str
    seed: int
    note: str = ""

    @classmethod
    def of_this_run(
        cls, command: str, seed: int, device: str = "cpu", note: str = ""
    ) -> Provenance:
        """Fill in date, version and hardware.

        Args:
            command: What was run.
            seed: Its seed.
            device: Where the models ran.
            note: Anything else.
        """
        date = datetime.now(timezone.utc).date().isoformat()
        return cls(date, source_version(), command, hardware(device), seed, note)

    def cells(self) -> dict[str, str]:
        """Cells of a table."""
        return {name: str(value) for name, value in asdict(self).items()}


def source_version() -> str:
    """Commit of this source tree, with "-dirty" after it when files differ; else the version."""
    root = Path(__file__).resolve().parents[2]
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
            return done.stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    try:
        return metadata.version("straighttalk")
    except metadata.PackageNotFoundError:
        return "unknown"


def hardware(device: str = "cpu") -> str:
    """Name of the processor with its number of cores, and of the accelerator when one is used."""
    name = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else name
    text = f"{name}, {os.cpu_count()} cores"
    if device.startswith("cuda"):
        text = f"{torch.cuda.get_device_name(device)}, {text}"
    return text


def write_scores(path: Path, evaluation: Evaluation) -> None:
    """Write every utterance's figures, one JSON line for each utterance and system.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_write(path) as temporary:
        lines = (json.dumps(asdict(score), ensure_ascii=False) for score in evaluation.scores)
        temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def speech_row(evaluation: Evaluation, provenance: Provenance) -> dict[str, str]:
    """Columns of a run of `evaluate_speech`."""
    row = {"utterances": str(_utterances(evaluation))}
    figures = {WORD_ERROR_RATE: "WER", "dnsmos": "DNSMOS", "p808": "P.808"}
    for figure, name in figures.items():
        if not all(evaluation.has(system, figure) for system in (NATURAL, SYNTHETIC)):
            continue
        row[f"{name}, natural"] = evaluation.estimate(NATURAL, figure).text()
        row[name] = evaluation.estimate(SYNTHETIC, figure).text()
        row[f"{name} - natural"] = evaluation.difference(SYNTHETIC, figure).text(signed=True)
    return _with_provenance(row, evaluation, provenance)


def copy_rows(evaluation: Evaluation, provenance: Provenance) -> list[dict[str, str]]:
    """Columns of a run of `evaluate_copy_synthesis`, one row a system."""
    rows = []
    names = [
        figure
        for figure in _NAMES
        if any(evaluation.has(system, figure) for system in evaluation.systems)
    ]
    for system in evaluation.systems:
        row = {"system": system, "utterances": str(_utterances(evaluation))}
        for figure in names:
            known = evaluation.has(system, figure)
            row[_NAMES[figure]] = evaluation.estimate(system, figure).text() if known else ""
        if "dnsmos" in names:
            paired = system != NATURAL and evaluation.has(system, "dnsmos")
            difference = evaluation.difference(system, "dnsmos") if paired else None
            row["DNSMOS - natural"] = difference.text(signed=True) if difference else ""
        rows.append(_with_provenance(row, evaluation, provenance))
    return rows


def append_rows(path: Path, heading: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Append rows to a Markdown file's table under a heading; make what is missing of the three.

    Rows with other columns than the last table's under that heading begin a table of their own.

    Args:
        path: The file, such as RESULTS.md.
        heading: Second-level heading, without its signs.
        rows: Cells by column, all of the same columns.

    Raises:
        InputError: There are no rows, or they differ in their columns.
        OSError: The file cannot be read or written.
    """
    if not rows or any(list(row) != list(rows[0]) for row in rows):
        raise InputError("a table needs rows, and all of them of the same columns")
    text = path.read_text(encoding="utf-8") if path.is_file() else "# Results\n"
    lines = text.rstrip("\n").split("\n")
    title = f"## {heading}"
    if title not in lines:
        lines += ["", title]
    start = lines.index(title) + 1
    after = (i for i in range(start, len(lines)) if lines[i].startswith(("# ", "## ")))
    end = next(after, len(lines))
    while not lines[end - 1].strip():
        end -= 1
    header = _line(list(rows[0]))
    tables = [i for i in range(start, end) if lines[i].startswith("|---")]
    fits = tables and lines[tables[-1] - 1] == header and lines[end - 1].startswith("|")
    fresh = [] if fits else ["", header, "|" + "---|" * len(rows[0])]
    lines[end:end] = fresh + [_line(list(row.values())) for row in rows]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as a Markdown table, for a terminal."""
    lines = [_line(list(rows[0])), "|" + "---|" * len(rows[0])]
    return "\n".join(lines + [_line(list(row.values())) for row in rows])


def _line(cells: Sequence[str]) -> str:
    escaped = (" ".join(cell.replace("|", "\\|").split()) for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def _utterances(evaluation: Evaluation) -> int:
    return len({score.id for score in evaluation.scores})


def _with_provenance(
    row: dict[str, str], evaluation: Evaluation, provenance: Provenance
) -> dict[str, str]:
    # Always there, so that a run without failures has the columns of one with them.
    return {**row, "failures": str(len(evaluation.failures)), **provenance.cells()}
