"""What text, acoustic models and vocoders share: flows, audio, configuration, checkpoints.

Nothing is imported here, so that `import core.flow` stays light.
"""
