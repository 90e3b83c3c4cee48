"""Predicted opinion: DNSMOS, which hears one waveform, and PESQ, which compares two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import InputError
from tts.evaluation.extra import need
from tts.evaluation.waveforms import SPEECH_RATE_HZ, Waveform, at_speech_rate, require_sound

DNSMOS_LEAST_SECONDS = 0.1
# PESQ aligns in time, but two recordings of the same frames differ by no more than this.
PESQ_LENGTH_TOLERANCE_SECONDS = 0.1


@dataclass(frozen=True)
class Dnsmos:
    """Mean opinion scores as listeners would give them, from 1 (bad) to 5 (excellent).

    Attributes:
        overall: Of everything (P.835 OVRL).
        signal: Of the voice alone (P.835 SIG).
        background: Of the noise around it, 5 being none (P.835 BAK).
        p808: Of everything, by a model of the other listening test (P.808).
    """

    overall: float
    signal: float
    background: float
    p808: float


@lru_cache(maxsize=1)
def _dnsmos_model() -> Any:
    speechmos, onnxruntime = need("speechmos.dnsmos"), need("onnxruntime")
    models = Path(speechmos.__file__).parent / "dnsmos_models"
    primary, p808 = str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx")
    model = speechmos.DNSMOS(primary, p808)
    # Sessions take every core, and several of these processes run side by side.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model.onnx_sess = onnxruntime.InferenceSession(primary, options)
    model.p808_onnx_sess = onnxruntime.InferenceSession(p808, options)
    return model


def dnsmos(waveform: Waveform, sample_rate_hz: int) -> Dnsmos:
    """Predict what listeners would say (DNSMOS P.835, Reddy et al. 2022; DNSMOS, 2021).

    The model hears 9 seconds at a time, and the mean is taken; less is repeated. It judges at the
    level it is given.

    Args:
        waveform: (L,) in [-1, 1], at least 0.1 s.
        sample_rate_hz: Its rate; what lies above 8 kHz is not heard.

    Raises:
        InputError: The waveform is too short, silent or not finite, or speechmos is missing.
    """
    model = _dnsmos_model()
    samples = at_speech_rate(waveform, sample_rate_hz)
    require_sound(samples, SPEECH_RATE_HZ, DNSMOS_LEAST_SECONDS, "DNSMOS")
    found = model(samples, SPEECH_RATE_HZ, False)
    return Dnsmos(
        overall=float(found["ovrl_mos"]),
        signal=float(found["sig_mos"]),
        background=float(found["bak_mos"]),
        p808=float(found["p808_mos"]),
    )


def pesq_wideband(reference: Waveform, degraded: Waveform, sample_rate_hz: int) -> float:
    """Quality of a copy beside its original (ITU-T P.862.2, wide band).

    Args:
        reference: The original (L,) in [-1, 1], at least 0.25 s.
        degraded: The copy, of the same length to 0.1 s; the longer one is cut.
        sample_rate_hz: Rate of both; what lies above 8 kHz is not heard.

    Returns:
        MOS-LQO, from 1.04 to 4.64.

    Raises:
        InputError: A waveform is too short, silent or not finite, the lengths differ, PESQ finds
            no speech in them, or pesq is missing.
    """
    pesq = need("pesq")
    pair = [at_speech_rate(waveform, sample_rate_hz) for waveform in (reference, degraded)]
    for samples in pair:
        require_sound(samples, SPEECH_RATE_HZ, 0.0, "PESQ")
    seconds = [len(samples) / SPEECH_RATE_HZ for samples in pair]
    if abs(seconds[0] - seconds[1]) > PESQ_LENGTH_TOLERANCE_SECONDS:
        raise InputError(
            f"PESQ compares a copy with its original, but they last {seconds[1]:.2f} s and "
            f"{seconds[0]:.2f} s"
        )
    length = min(len(samples) for samples in pair)
    try:
        return float(pesq.pesq(SPEECH_RATE_HZ, pair[0][:length], pair[1][:length], "wb"))
    except pesq.PesqError as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise InputError(f"PESQ cannot compare these waveforms: {why}") from error
