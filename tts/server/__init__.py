"""Speech over HTTP, compatible with OpenAI's client libraries."""
