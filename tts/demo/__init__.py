"""The demo in the browser: speaking, the walk from noise to speech, and copies by vocoders."""
