"""The voices that a visitor may choose, and the languages that they are read in."""

from __future__ import annotations

import threading
from collections import OrderedDict

from core.errors import unknown_name
from core.voice import list_voices
from text import TextFrontend
from tts.synthesizer import Synthesizer

MOST_LOADED = 4


class Voices:
    """The default voice and installed ones, loaded when they are asked for.

    Args:
        default: The voice that the page begins with.
    """

    def __init__(self, default: Synthesizer) -> None:
        self.default = default
        self._loaded: OrderedDict[tuple[str, str], Synthesizer] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """What there is to choose from, the default first."""
        # A link may lead out of the voices; who may follow it is not for a visitor to say.
        others = [name for name, found in list_voices().items() if not found.is_symlink()]
        return list(dict.fromkeys([self.default.voice.facts.name, *others]))

    def take(self, name: str | None, language: str | None = None) -> Synthesizer:
        """A voice that reads a language.

        Args:
            name: One of `names`; None takes the default.
            language: eSpeak code; None takes the voice's own.

        Raises:
            InputError: There is no such voice, or it cannot be loaded.
            text.TextError: There is no such language.
        """
        with self._lock:
            voice = self._voice(name or self.names[0])
            own = voice.frontend.language
            return voice if language in (None, "", own) else self._reading(voice, str(language))

    def _voice(self, name: str) -> Synthesizer:
        if name == self.default.voice.facts.name:
            return self.default
        if name not in self.names:
            raise unknown_name("voice", name[:80], self.names)
        found = self._loaded.get((name, ""))
        if found is None:
            found = Synthesizer.from_pretrained(name, device=str(self.default.device))
        return self._keep((name, ""), found)

    def _reading(self, voice: Synthesizer, language: str) -> Synthesizer:
        key = (voice.voice.facts.name, language)
        found = self._loaded.get(key)
        if found is None:
            # The models are shared; only the reading of the text is another.
            frontend = TextFrontend(language, closing=True)
            device = str(voice.device)
            found = Synthesizer(voice.voice, frontend, voice.acoustic, voice.vocoder, device)
        return self._keep(key, found)

    def _keep(self, key: tuple[str, str], synthesizer: Synthesizer) -> Synthesizer:
        self._loaded[key] = synthesizer
        self._loaded.move_to_end(key)
        while len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)
        return synthesizer
