"""The voices of a server, by name."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from core.errors import InputError
from core.voice import find_voice, list_voices
from text import TextError
from tts.options import Options
from tts.server.errors import ApiError
from tts.server.schema import OPENAI_VOICES, VoiceFactsOut
from tts.synthesizer import Synthesizer

logger = logging.getLogger("straighttalk.server")


class Shelf:
    """The default voice, and further installed ones that are loaded when they are asked for.

    Args:
        default: The voice of those who ask for none.
        device: Where further ones run.
        most: Further ones in memory at a time.
    """

    def __init__(self, default: Synthesizer, device: str, most: int) -> None:
        self.default = default
        self._device, self._most = device, most
        self._loaded: OrderedDict[str, Synthesizer] = OrderedDict()
        self._lock = threading.Lock()

    def facts(self) -> list[VoiceFactsOut]:
        """What there is to choose from: voices, and the speakers of those that have several."""
        described = []
        for name in self._names():
            try:
                found = self.default.voice if name == self._own else find_voice(name, paths=False)
            except InputError as error:
                logger.warning("voice_unreadable", extra={"facts": {"reason": str(error)}})
                continue
            speakers = [str(s) for s in found.facts.acoustic.get("speakers", ())]
            for id in [name, *(f"{name}:{speaker}" for speaker in speakers)]:
                described.append(
                    VoiceFactsOut(
                        id=id,
                        name=id,
                        language=found.facts.language,
                        licence=found.facts.licence,
                        sample_rate_hz=found.facts.mel.sample_rate_hz,
                        speakers=speakers if id == name else [],
                    )
                )
        return described

    def take(self, id: str, speaker: str | None) -> tuple[Synthesizer, str | None]:
        """The voice and the speaker of a request; loads the voice if need be.

        Args:
            id: A voice, "voice:speaker", or one of OpenAI's names.
            speaker: Goes before one in the id.

        Raises:
            ApiError: There is no such voice or speaker, or it cannot be loaded.
        """
        known = self._names()
        name, _, own = (id, "", "") if id in known else id.partition(":")
        synthesizer = self.default if name in (self._own, *OPENAI_VOICES) else None
        if synthesizer is None:
            if name not in known:
                names = ", ".join(known[:50])
                sentence = f"unknown voice {id[:80]!r}; allowed: {names}"
                raise ApiError(404, sentence, param="voice", code="voice_not_found")
            synthesizer = self._load(name)
        chosen = speaker or own or None
        try:
            synthesizer.speaker(Options(speaker=chosen))
        except InputError as error:
            field = "speaker" if speaker else "voice"
            raise ApiError(404, str(error), param=field, code="voice_not_found") from error
        return synthesizer, chosen

    @property
    def _own(self) -> str:
        return self.default.voice.facts.name

    def _names(self) -> list[str]:
        # A link may lead out of the voices; who may follow it is not for a client to say.
        others = [name for name, found in list_voices().items() if not found.is_symlink()]
        return list(dict.fromkeys([self._own, *others]))

    def _load(self, name: str) -> Synthesizer:
        with self._lock:
            if name not in self._loaded:
                try:
                    self._loaded[name] = Synthesizer.from_pretrained(name, device=self._device)
                except (InputError, TextError) as error:
                    logger.warning("voice_unreadable", extra={"facts": {"reason": str(error)}})
                    sentence = f"voice {name!r} cannot be loaded"
                    raise ApiError(404, sentence, param="voice", code="voice_not_found") from error
            self._loaded.move_to_end(name)
            while len(self._loaded) > self._most:
                self._loaded.popitem(last=False)
            return self._loaded[name]
