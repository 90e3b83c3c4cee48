"""Corpora as the trainers see them: manifests, splits, the utterance store, batches."""
