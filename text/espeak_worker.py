"""The process eSpeak NG lives in: JSON lines in, JSON lines out, until its input ends.

It is run as a script and knows nothing of the package, so that whatever hangs or crashes inside
eSpeak NG takes down this process and not the one that speaks. The first line it writes is null, or
a string that says why eSpeak NG cannot be loaded; then a list of phoneme strings for every list of
clauses it reads.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import TextIO


def main(language: str, replies: TextIO) -> None:
    """Answer requests for one language until the input ends."""
    for reply in _replies(language):
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _replies(language: str) -> Iterator[object]:
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
        from phonemizer.separator import Separator

        # The wheel's own library and data: phonemes differ between eSpeak releases.
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        # phonemizer loads a copy of the library. Loaded, the file is no longer needed, except on
        # Windows, and this process ends by being killed: nobody would remove it later.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tempfile.tempdir:
            backend = EspeakBackend(
                language, with_stress=True, tie=False, language_switch="remove-flags"
            )
        tempfile.tempdir = None
    except (ImportError, OSError, RuntimeError) as error:
        yield str(error)
        return
    yield None
    separator = Separator(phone="", syllable="", word=" ")
    for line in sys.stdin:
        yield backend.phonemize(json.loads(line), separator=separator, strip=True)


if __name__ == "__main__":
    # Python puts this folder first in the path, where its modules would hide others' by name.
    sys.path.pop(0)
    # What libraries print must not mix with the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    main(sys.argv[1], replies)
