"""Phoneme ids to mel spectrograms, and the synthesizer that chains text, mel and waveform."""
