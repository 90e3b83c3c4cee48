"""The documentation as one plain page, without scripts or anything from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
pre, code { font-family: ui-monospace, monospace }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8888; border-radius: .4rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border: 1px solid #8888 }
"""
EXAMPLE = """curl {address}/v1/audio/speech -H "Content-Type: application/json" \\
  -d '{{"input": "Hello, world.", "voice": "alloy", "response_format": "wav"}}' -o hello.wav"""


def docs_page(schema: dict[str, Any], address: str) -> str:
    """An OpenAPI document as HTML.

    Args:
        schema: The document.
        address: Of the server, for the example.
    """
    parts = [f"<h1>{escape(schema['info']['title'])} {escape(schema['info']['version'])}</h1>"]
    parts.append('<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>')
    parts.append(f"<pre>{escape(EXAMPLE.format(address=address))}</pre>")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts += _operation(schema, f"{method.upper()} {path}", operation)
    head = f"<meta charset=utf-8><title>StraightTalk</title><style>{STYLE}</style>"
    view = '<meta name=viewport content="width=device-width">'
    return f"<!doctype html><html lang=en><head>{head}{view}</head><body>{''.join(parts)}</body>"


def _operation(schema: dict[str, Any], title: str, operation: dict[str, Any]) -> list[str]:
    parts = [f"<h2><code>{escape(title)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
    body = operation.get("requestBody")
    if body:
        reference = body["content"]["application/json"]["schema"]["$ref"]
        fields = schema["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
        rows = "".join(_row(name, field) for name, field in fields.items())
        parts.append(f"<table><tr><th>Field<th>Allowed<th>Default<th>Meaning{rows}</table>")
    answers = operation["responses"]
    listed = "".join(
        f"<li><code>{escape(status)}</code> {escape(answer.get('description', ''))}"
        for status, answer in sorted(answers.items())
    )
    return [*parts, f"<ul>{listed}</ul>"]


def _row(name: str, field: dict[str, Any]) -> str:
    default = json.dumps(field["default"]) if "default" in field else "required"
    cells = (f"<code>{escape(name)}</code>", escape(_allowed(field)), escape(default))
    return f"<tr><td>{'<td>'.join(cells)}<td>{escape(field.get('description', ''))}"


def _allowed(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_allowed(choice) for choice in field["anyOf"])
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if "$ref" in field:
        return 'object {"id": …}'
    low, high = field.get("minimum"), field.get("maximum")
    bounds = "" if low is None else f", {low:g} to {high:g}"
    return f"{field.get('type', 'any')}{bounds}"
