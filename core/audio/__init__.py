"""Sound: the mel contract, the STFT, files in and out, resampling and loudness."""
