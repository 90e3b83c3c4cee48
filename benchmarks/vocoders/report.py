"""The race's table and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.vocoders.entries import ENTRIES
from benchmarks.vocoders.evaluation import BASELINE, RESULTS
from benchmarks.vocoders.training import BUDGET
from core.errors import InputError
from core.files import atomic_write
from tts.evaluation.report import Provenance

PAGE, STEPS_PICTURE, SPEED_PICTURE = "race.md", "race-steps.png", "race-speed.png"
AXES = {
    "pesq": "PESQ (higher is better)",
    "log_mel_l1": "log-mel L1 (lower is better)",
    "dnsmos": "DNSMOS (higher is better)",
}
HEADINGS = (
    "vocoder", "million parameters", "GMAC a second", "steps", "evaluations", "real-time factor",
    "PESQ", "log-mel L1", "DNSMOS",
)  # fmt: skip
LINES = {"plain": "-", "mel-consistent": "--"}


def read_results(directory: Path) -> list[dict[str, Any]]:
    """All that was judged, in the order of the entries, Griffin-Lim first.

    Raises:
        InputError: Nothing was.
    """
    names = [BASELINE, *(f"{name}.{mode}" for name in ENTRIES for mode in ENTRIES[name].modes)]
    files = [directory / RESULTS / f"{name}.json" for name in names]
    results = [json.loads(f.read_text(encoding="utf-8")) for f in files if f.is_file()]
    if not results:
        raise InputError(f"{directory} holds no figures: run the stage evaluate first")
    return results


def label(result: dict[str, Any]) -> str:
    """What a row is called."""
    return result["title"] + ("" if result["mode"] == "plain" else f", {result['mode']}")


def table(results: Sequence[dict[str, Any]]) -> str:
    """One row for each vocoder, way of sampling and step count, in Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS)]
    for result in results:
        cost = result["multiply_adds_per_second"]
        for row in result["rows"]:
            lines.append(
                (
                    label(result),
                    f"{result['parameters'] / 1e6:.2f}" if result["parameters"] else "–",
                    "–" if cost is None else f"{cost / 1e9:.2f}",
                    str(row["steps"] or "–"),
                    str(row["nfe"]),
                    f"{row['rtf']:.3f}",
                    *(_cell(row[figure]) for figure in AXES),
                )
            )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(estimate: dict[str, float] | None) -> str:
    if estimate is None:
        return "not to be judged"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def training_table(directory: Path) -> str:
    """What each training did with its time, in Markdown."""
    lines = [("vocoder", "minutes", "steps", "seconds a step"), ("---",) * 4]
    for name, entry in ENTRIES.items():
        file = directory / name / BUDGET
        if file.is_file():
            facts = json.loads(file.read_text(encoding="utf-8"))
            # A training that was killed knows the time of its last part alone.
            spent = facts.get("seconds", 60 * facts["minutes"] * entry.share)
            lines.append(
                (entry.title, f"{spent / 60:.1f}", str(facts["steps"]),
                 f"{facts['seconds_per_step']:.3f}")
            )  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def draw(results: Sequence[dict[str, Any]], along: str, title: str, file: Path) -> None:
    """Draw quality against something, a panel for each figure.

    Args:
        results: From `read_results`.
        along: A key of their rows: "steps" or "rtf".
        title: Of the horizontal axis.
        file: A PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 5.2), layout="constrained")
    panels = figure.subplots(1, len(AXES))
    colours = {t: f"C{i}" for i, t in enumerate(dict.fromkeys(r["title"] for r in results))}
    for panel, (name, axis) in zip(panels, AXES.items(), strict=True):
        for result in results:
            points = [(row[along] or 1, row[name]["value"]) for row in result["rows"] if row[name]]
            if not points:
                continue
            style = {"color": colours[result["title"]], "label": label(result)}
            if result["parameters"] == 0 and along == "steps":
                panel.axhline(points[0][1], linestyle=":", **style)
                continue
            dashed = LINES.get(result["mode"], "-.")
            panel.plot(*zip(*sorted(points), strict=True), dashed, marker="o", **style)
        if name == "dnsmos":
            natural = results[0]["natural_dnsmos"]["value"]
            panel.axhline(natural, color="0.6", label="recordings")
        panel.set(xscale="log", xlabel=title, ylabel=axis)
        panel.spines[["top", "right"]].set_visible(False)
        if along == "steps":
            ticks = sorted({row["steps"] for r in results for row in r["rows"] if row["steps"]})
            panel.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
            panel.minorticks_off()
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    with atomic_write(file) as path:
        figure.savefig(path, dpi=90)


def report(directory: Path, docs: Path, command: str) -> None:
    """Write the page and its pictures.

    Args:
        directory: Of the race.
        docs: Where they go.
        command: What was run.
    """
    results = read_results(directory)
    docs.mkdir(parents=True, exist_ok=True)
    draw(results, "steps", "steps", docs / STEPS_PICTURE)
    draw(results, "rtf", "real-time factor on one thread", docs / SPEED_PICTURE)
    origin = Provenance.of_this_run(command, 0)
    natural = results[0]["natural_dnsmos"]["value"]
    words = f"""# A fair race

Every vocoder of the house, in a small size, trained on the same recordings for the same time of one
thread, and judged on {results[0]["utterances"]} held-out utterances that it copies from their
mels. The real-time factor is seconds of one thread for a second of sound. Intervals are 95 % over
utterances. "Mel-consistent" pulls every estimate to the waveforms whose mel is the wanted one;
plain leaves that out. The recordings' own DNSMOS is {natural:.3f}.

{origin.hardware}, {origin.date}, version {origin.version}. Regenerated by

    {command}

![Quality against steps]({STEPS_PICTURE})

![Quality against the real-time factor]({SPEED_PICTURE})

{table(results)}

What the time was spent on:

{training_table(directory)}
"""
    with atomic_write(docs / PAGE) as path:
        path.write_text(words, encoding="utf-8")
