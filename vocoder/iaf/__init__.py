"""Parallel WaveNet: a vocoder of inverse autoregressive flows, and its autoregressive teacher."""
