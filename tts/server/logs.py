"""A log of one JSON object a line, without what people said."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import datetime, timezone

LOGGER = "straighttalk.server"


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON.

    Of an exception only its type and places are told: its message may hold a text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        when = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0]:
            places = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["places"] = [f"{p.filename}:{p.lineno} {p.name}" for p in places]
        return json.dumps(line, default=str)


def set_up_logs() -> None:
    """Send this server's log, and the warnings of others, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    # Its lines would be told twice, by its handlers and by ours.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
