"""A fair race: every vocoder of the house on the same speech for the same compute."""
