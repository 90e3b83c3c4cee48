"""Typed configuration: YAML in, frozen values out, and one clear sentence when it is wrong.

The dialect is the plain part of YAML 1.2: `5e-5` is a float, `no` is a word and not False, only
`true`, `false` and `null` are special, and there are no tags, anchors or dates. A configuration can
come with weights from a stranger, so nothing in it chooses code and no number in it is absurd.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InputError, unknown_name
from core.files import atomic_write

MAX_BYTES = 1 << 20
# No size, rate or seed in a configuration is larger; what is would only exhaust memory or overflow.
MAX_NUMBER = 2**53
CODE_KEYS = frozenset({"_target_", "_partial_", "class_path", "auto_map", "trust_remote_code"})


class Config(BaseModel):
    """Base of every configuration: frozen, no unknown keys, no silent conversion, no NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


ConfigT = TypeVar("ConfigT", bound=Config)

_SCALARS = (
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", "~n\0"),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core scalars, without aliases and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # Aliases let a kilobyte stand for gigabytes.
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key!r} stands twice{node.start_mark}")
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(node.value)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or our loader would take for something else."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML folds some line breaks of Unicode away unless they are escaped.
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _SCALARS:
    _heads = [head.replace("\0", "") for head in _first]
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _heads)
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), _heads)
_Dumper.add_representer(str, _Dumper.represent_text)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def load_config(
    path: str | os.PathLike[str], model_class: type[ConfigT], overrides: Sequence[str] = ()
) -> ConfigT:
    """Read a YAML file into a configuration.

    Args:
        path: The file.
        model_class: What it must hold.
        overrides: Changes on top of it, "dotted.key=value", the value in YAML.

    Returns:
        The configuration.

    Raises:
        InputError: The file is missing, unreadable or no YAML, or a key or value is not allowed.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"{path} is no configuration: it is larger than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no configuration: it is not UTF-8 text") from error
    tree = _parse_yaml(text, str(path))
    if not isinstance(tree, dict):
        raise InputError(f"{path} is no configuration: it holds no keys")
    for override in overrides:
        _apply_override(tree, override)
    return parse_config(tree, model_class, where=str(path))


def parse_config(
    mapping: Mapping[str, Any], model_class: type[ConfigT], where: str = "the configuration"
) -> ConfigT:
    """Check plain values and make a configuration of them.

    Args:
        mapping: Keys and values, as JSON or YAML would give them.
        model_class: What they must be.
        where: Where they come from, for the error's sentence.

    Returns:
        The configuration.

    Raises:
        InputError: A key is unknown or names code, or a value is of the wrong type or out of range.
    """
    try:
        _refuse_absurd(mapping, where, ())
        # JSON is what pydantic reads strictly and still takes a list for a tuple.
        return model_class.model_validate_json(json.dumps(mapping))
    except ValidationError as error:
        raise _explain(error.errors(), model_class, where) from error
    except (TypeError, RecursionError) as error:
        raise InputError(f"{where} is nested too deep or holds more than plain values") from error


def require_values(config: ConfigT, required: Mapping[str, Any], reason: str) -> ConfigT:
    """Let some values follow from another key; what was given explicitly must agree.

    Args:
        config: The configuration whose values they are.
        required: Keys and the only values they may have.
        reason: Why, as the end of the error's sentence.

    Returns:
        The configuration with these values.

    Raises:
        InputError: One of them was given and is another.
    """
    for key, value in required.items():
        given = getattr(config, key)
        if key in config.model_fields_set and given != value:
            raise InputError(f"{key} is {given!r}, but must be {value!r} {reason}")
    return config.model_copy(update=dict(required))


def save_config(path: str | os.PathLike[str], config: Config) -> None:
    """Write a configuration as YAML that `load_config` reads back equal, whole or not at all.

    Args:
        path: The file.
        config: What to write, defaults included.

    Raises:
        OSError: The file cannot be written.
    """
    text = yaml.dump(
        config.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _parse_yaml(text: str, where: str) -> Any:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{where} is not valid YAML: {reason}") from error


def _apply_override(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise InputError(f"cannot read the override {override!r}: write key=value or a.b=value")
    node = tree
    for depth, name in enumerate(names[:-1], 1):
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            upper = ".".join(names[:depth])
            raise InputError(f"cannot set {key}: {upper} is {node!r} and has no keys of its own")
    node[names[-1]] = _parse_yaml(value, f"the value of {key}")


def _refuse_absurd(value: Any, where: str, keys: tuple[str, ...]) -> None:
    """Refuse what no field may hold, also where a field takes any mapping."""
    name = ".".join(keys)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InputError(f"{where}: the key {key!r} under {name or 'the top'} is no text")
            if key in CODE_KEYS:
                raise InputError(f"{where}: {key!r} is refused, a configuration cannot choose code")
            _refuse_absurd(item, where, (*keys, key))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, item in enumerate(value):
            _refuse_absurd(item, where, (*keys, str(index)))
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= MAX_NUMBER):
        raise InputError(
            f"{where}: {name} is {str(value)[:40]}; numbers must be finite and at most 2^53"
        )


def _explain(errors: Sequence[ErrorDetails], model: type[Config], where: str) -> InputError:
    # A misspelt key comes with a missing one, and is what the user has to mend.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    keys = [str(part) for part in first["loc"]]
    name = ".".join(keys)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if first["type"] == "extra_forbidden":
        place = f"{where} under {'.'.join(keys[:-1])}" if keys[:-1] else where
        return unknown_name("key", keys[-1], _known_keys(model, keys[:-1]), place)
    if first["type"] == "missing":
        return InputError(f"{where}: the key {name} is missing{more}")
    if first["type"] == "union_tag_not_found":
        key = first["ctx"]["discriminator"].strip("'")
        return InputError(f"{where}: the key {name}.{key} is missing{more}")
    if first["type"] == "union_tag_invalid":
        context = first["ctx"]
        allowed = context["expected_tags"].replace("'", "").split(", ")
        key = context["discriminator"].strip("'")
        return unknown_name(key, context["tag"], allowed, f"{where} under {name}")
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
    if not name or isinstance(first["input"], Mapping):
        place = f"{where}, {name}" if name else where
        return InputError(f"{place}: {message}{more}")
    value = repr(first["input"])
    value = value if len(value) <= 60 else value[:57] + "..."
    return InputError(f"{where}: {name} is {value}; {message}{more}")


def _known_keys(model: type[Config], keys: Sequence[str]) -> list[str]:
    """The keys allowed at a dotted place; parts that name a union's branch are passed over."""
    models = [model]
    for key in keys:
        inner = [
            found
            for one in models
            if key in one.model_fields
            for found in _models_in(one.model_fields[key].annotation)
        ]
        models = inner or models
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> list[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
