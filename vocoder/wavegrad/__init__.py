"""WaveGrad: a diffusion vocoder that is told the noise level, not the step (Chen et al., 2021)."""
