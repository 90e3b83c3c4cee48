"""`straighttalk voices`: what can be spoken with."""

from __future__ import annotations

import sys
from typing import Any

from tts.cli import flags
from tts.cli.messages import tell


def describe_voices() -> list[dict[str, Any]]:
    """Facts of every voice that can be called by name.

    Returns:
        For each: name, language, licence, speakers, sample rate, size and directory; or name,
        directory and error for one that cannot be read.
    """
    from core.errors import InputError
    from core.voice import find_voice, list_voices

    described = []
    for name, directory in list_voices().items():
        facts: dict[str, Any] = {"name": name, "directory": str(directory)}
        try:
            voice = find_voice(name)
        except InputError as error:
            described.append({**facts, "error": str(error)})
            continue
        facts |= {
            "language": voice.facts.language,
            "licence": voice.facts.licence,
            "speakers": list(voice.facts.acoustic.get("speakers", ())),
            "sample_rate_hz": voice.facts.mel.sample_rate_hz,
            "bytes": sum(f.stat().st_size for f in directory.iterdir() if f.is_file()),
        }
        described.append(facts)
    return described


def print_voices(as_json: bool) -> None:
    """Write the voices to standard output."""
    import json

    described = describe_voices()
    if as_json:
        sys.stdout.write(json.dumps(described, ensure_ascii=False) + "\n")
        return
    if not described:
        tell("no voices are installed")
    for facts in described:
        if "error" in facts:
            tell(f"{facts['name']}: {facts['error']}")
            continue
        speakers = f", {len(facts['speakers'])} speakers" if facts["speakers"] else ""
        about = f"{facts['language']}, {facts['licence']}, {facts['sample_rate_hz']} Hz{speakers}"
        sys.stdout.write(f"{facts['name']}\t{about}, {facts['bytes'] / 1e6:.1f} MB\n")


def voices(as_json: flags.Json = False, debug: flags.Debug = False) -> None:
    """Show the voices: shipped ones and those in $STRAIGHTTALK_HOME/voices.

    Example: straighttalk voices --json
    """
    print_voices(as_json)
