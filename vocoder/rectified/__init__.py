"""Rectified-flow vocoders: WaveODE's idea on STFT frames, or with its own network."""
