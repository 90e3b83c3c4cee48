"""Utterances of a feature store as the acoustic model is trained on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.audio.mel import MelExtractor, MelSpec
from core.data.store import UtteranceStore
from core.errors import InputError
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig
from tts.given_durations import GivenDurations
from tts.speaker_vectors import utterance_vectors

SPACE = SYMBOLS.index(" ")

Batch = dict[str, Tensor]


class Sentences:
    """Items of a split: phoneme ids and mels, joined and batched.

    Args:
        store: The split.
        spec: The mel contract.
        speakers: Names in the model's order; empty for one voice.
        vectors: Speaker vectors by id of utterance or speaker, and their length; None for a model
            that knows its speakers by name.
        durations: Where each id lies, in place of alignment search; None for none.

    Raises:
        InputError: The store was made for another rate or symbol table, an utterance has a
            speaker that the model does not know, more phonemes than frames, no vector where it
            needs one, or durations that are not its own.
    """

    def __init__(
        self,
        store: UtteranceStore,
        spec: MelSpec,
        speakers: Sequence[str],
        *,
        vectors: tuple[Mapping[str, Tensor], int] | None = None,
        durations: GivenDurations | None = None,
    ) -> None:
        if store.sample_rate_hz != spec.sample_rate_hz:
            raise InputError(
                f"the features are at {store.sample_rate_hz} Hz, "
                f"the mel contract at {spec.sample_rate_hz} Hz"
            )
        if store.header.get("symbols") != symbol_table_hash():
            raise InputError(
                "the features were made with another symbol table: run the recipe's stage 2 again"
            )
        self.store, self.spec, self.extract = store, spec, MelExtractor(spec)
        self.numbers = {name: i for i, name in enumerate(speakers)}
        for u in store.utterances:
            if len(speakers) > 1 and u.speaker not in self.numbers:
                raise InputError(f"utterance {u.id} has speaker {u.speaker!r}, not in the config")
            frames = -(-u.samples // spec.hop_samples)
            if not u.ids or 2 * len(u.ids) + 1 > frames:
                raise InputError(
                    f"utterance {u.id} has {len(u.ids)} phonemes for {frames} frames: "
                    "its transcript does not match its audio"
                )
        self.vectors = vectors and utterance_vectors(store.utterances, *vectors)
        self.windows = durations and [durations.windows(u, spec) for u in store.utterances]

    @classmethod
    def for_model(
        cls,
        store: UtteranceStore,
        spec: MelSpec,
        config: AcousticConfig,
        vectors: Mapping[str, Tensor] | None = None,
        durations: GivenDurations | None = None,
    ) -> Sentences:
        """Items for a model, which may know its speakers by vectors.

        Raises:
            InputError: As for the class; or there are vectors and the model takes none, or none
                and it takes them.
        """
        by_vector = config.speaker_embedding == "vector"
        if by_vector and vectors is None:
            raise InputError("speaker_embedding is vector: name a file in data.speaker_vectors")
        if vectors is not None and not by_vector:
            raise InputError(
                "data.speaker_vectors is given: set acoustic.speaker_embedding to vector"
            )
        known = None if vectors is None else (vectors, config.speaker_vector_channels)
        return cls(store, spec, config.speakers, vectors=known, durations=durations)

    def item(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids (N,), log mel (T, M) and speaker, number or vector, of some utterances in a row."""
        utterances = [self.store.utterances[i] for i in indices]
        ids = list(utterances[0].ids)
        for utterance in utterances[1:]:
            ids += [SPACE, *utterance.ids]
        waveform = torch.cat([self.store.waveform(i) for i in indices])
        mel = self.extract(waveform[None])[0].T
        if self.vectors:
            speaker = torch.stack([self.vectors[i] for i in indices]).mean(dim=0)
        else:
            speaker = torch.tensor(self.numbers.get(utterances[0].speaker, 0))
        return torch.tensor(ids), mel, speaker

    def item_windows(self, indices: Sequence[int]) -> Tensor:
        """Frames that each id of an item may have, (N, 2); see `GivenDurations.windows`."""
        assert self.windows
        parts: list[Tensor] = []
        samples = 0
        for index in indices:
            window = self.windows[index] + round(samples / self.spec.hop_samples)
            if parts:
                # The space between two utterances has the silence between their words.
                parts.append(torch.stack([parts[-1][-1, 1], window[0, 0]])[None])
            parts.append(window)
            samples += self.store.utterances[index].samples
        return torch.cat(parts).clamp_max(-(-samples // self.spec.hop_samples))

    def batch(self, items: Sequence[Sequence[int]]) -> Batch:
        """Pad items into a batch."""
        ids, mels, speakers = zip(*(self.item(item) for item in items), strict=True)
        batch = {
            "ids": pad_sequence(list(ids), batch_first=True),
            "id_lengths": torch.tensor([len(i) for i in ids]),
            "mel": pad_sequence(list(mels), batch_first=True).transpose(1, 2),
            "frames": torch.tensor([len(m) for m in mels]),
            "speaker": torch.stack(speakers),
        }
        if self.windows:
            windows = [self.item_windows(item) for item in items]
            batch["windows"] = pad_sequence(windows, batch_first=True)
        return batch
