"""How soon the first sound of a 40-word text is there, warm, on one CPU thread.

python benchmarks/first_audio.py --repeats 5
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.errors import InputError
from tts.synthesizer import Synthesizer

TEXTS = {
    "40 words, four sentences": (
        "The north wind and the sun were disputing which was the stronger. Then a traveler came "
        "along, wrapped in a warm cloak. They agreed that whoever made him take it off should be "
        "the winner. The sun won at last."
    ),
    "40 words, one sentence": (
        "The north wind and the sun were disputing which was the stronger, when a traveler came "
        "along wrapped in a warm cloak, and they agreed that whoever first made him take it off "
        "should be the stronger of the two."
    ),
}
Clock = tuple[float, float]


def now() -> Clock:
    """Wall time, and the time this process had on the processor."""
    return time.perf_counter(), time.process_time()


def directly(synthesizer: Synthesizer, text: str) -> Iterator[int]:
    """Samples of each part, as they are made."""
    for part in synthesizer.stream([text], in_parts=True):
        yield len(part.waveform)


def over_http(address: str, text: str) -> Iterator[int]:
    """Bytes of an answer, as they come: the first one alone."""
    body = json.dumps({"input": text, "response_format": "wav"}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/audio/speech", body, headers)
    with urllib.request.urlopen(request) as answer:
        yield len(answer.read(1))
        while data := answer.read1(1 << 16):
            yield len(data)


@contextmanager
def serving(synthesizer: Synthesizer) -> Iterator[str]:
    """The address of a server of this process, with its ordinary settings."""
    from tts.server.app import create_app
    from tts.server.listening import bind, make_server
    from tts.server.settings import ServerSettings

    settings = ServerSettings()
    listening = bind("127.0.0.1", 0)
    server = make_server(create_app(synthesizer, settings, version="benchmark"), settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def timed(pieces: Iterator[int]) -> dict[str, float]:
    """Seconds until the first piece and until the end, by both clocks."""
    began = now()
    next(pieces)
    first = now()
    for _ in pieces:
        pass
    end = now()
    return {
        "first": first[0] - began[0],
        "whole": end[0] - began[0],
        "first_cpu": first[1] - began[1],
        "whole_cpu": end[1] - began[1],
    }


def measure(
    synthesizer: Synthesizer, texts: dict[str, str], repeats: int
) -> dict[str, dict[str, float]]:
    """Medians over repeats in which everybody takes turns, after a first one that does not count.

    Args:
        synthesizer: The voice.
        texts: By name.
        repeats: Rounds that count.

    Returns:
        For each text and way, the medians of `timed`, and the length of the speech in seconds.
    """
    taken: dict[str, list[dict[str, float]]] = {}
    with serving(synthesizer) as address:
        ways: dict[str, Callable[[str], Iterator[int]]] = {
            "Synthesizer": lambda text: directly(synthesizer, text),
            "server": lambda text: over_http(address, text),
        }
        for number in range(repeats + 1):
            for name, text in texts.items():
                for way, pieces in ways.items():
                    result = timed(pieces(text))
                    if number:
                        taken.setdefault(f"{name}, {way}", []).append(result)
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        for name, rows in taken.items()
    }


def as_markdown(medians: dict[str, dict[str, float]], voice: str, repeats: int) -> str:
    """The medians of `measure` as a table."""
    rows = [
        f"{voice}: {torch.get_num_threads()} thread(s), torch {torch.__version__}, median of "
        f"{repeats}, load average {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores\n",
        "| | first sound, s | whole, s | first / whole | first, CPU s | whole, CPU s |"
        " first / whole, CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in medians.items():
        ratio, cpu_ratio = row["first"] / row["whole"], row["first_cpu"] / row["whole_cpu"]
        rows.append(
            f"| {name} | {row['first']:.2f} | {row['whole']:.2f} | {ratio:.2f} | "
            f"{row['first_cpu']:.2f} | {row['whole_cpu']:.2f} | {cpu_ratio:.2f} |"
        )
    return "\n".join(rows)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-v", "--voice", help="name, directory or hf:// address")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    try:
        synthesizer = Synthesizer.from_pretrained(chosen.voice, device="cpu")
        medians = measure(synthesizer, TEXTS, chosen.repeats)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    name = synthesizer.voice.facts.name
    print(json.dumps(medians) if chosen.json else as_markdown(medians, name, chosen.repeats))
    return 0


if __name__ == "__main__":
    sys.exit(main())
