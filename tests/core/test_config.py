"""Configuration: typed, strict, and with one sentence for every mistake."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from core.config import Config, load_config, parse_config, save_config
from core.errors import InputError


class Inner(Config):
    channels: int = Field(8, ge=1, le=4096)
    rate: float = Field(0.1, ge=0, lt=1)
    kind: Literal["mel", "white"] = "mel"
    betas: tuple[float, float] = (0.9, 0.98)


class Outer(Config):
    name: str
    inner: Inner = Inner()
    speakers: tuple[str, ...] = ()
    resume: bool = False
    warm_start: str | None = None
    either: int | Inner = 3
    free: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Outer:
        if self.name == "taken":
            raise InputError("the name 'taken' is taken")
        return self


def load(tmp_path: Path, text: str, *overrides: str) -> Outer:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, Outer, overrides)


def refusal(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message.replace(str(tmp_path / "a.yaml"), "FILE")


def test_a_config_is_read_with_its_defaults(tmp_path: Path) -> None:
    """Lists become tuples, whole numbers become floats where floats are wanted."""
    text = "name: x\ninner: {channels: 16, rate: 0, betas: [0.5, 1]}\nspeakers: [a, b]\n"
    config = load(tmp_path, text)
    assert config.inner == Inner(channels=16, rate=0.0, betas=(0.5, 1.0))
    assert config.speakers == ("a", "b")
    assert config.warm_start is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("5e-5", 5e-5), ("5E-5", 5e-5), ("1e-1", 0.1), (".5", 0.5), ("0.25", 0.25), ("+0.5e0", 0.5)],
)
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: float) -> None:
    """PyYAML alone reads 5e-5 as a text."""
    assert load(tmp_path, f"name: x\ninner: {{rate: {text}}}").inner.rate == value


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "NO", "1:30", "0x1F", "2024-01-31"])
def test_words_stay_words(tmp_path: Path, word: str) -> None:
    """Norwegian's code is no boolean, and there are no sexagesimal numbers or dates."""
    assert load(tmp_path, f"name: {word}").name == word


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    """Also where the file says nothing; the value is YAML and may hold an equals sign."""
    overrides = ["inner.rate=5e-3", "speakers=[a, b]", "resume=true", "name=a=b", "warm_start="]
    config = load(tmp_path, "name: x\nresume: false", *overrides)
    assert config.inner.rate == 5e-3
    assert config.speakers == ("a", "b")
    assert config.resume is True
    assert config.name == "a=b"
    assert config.warm_start is None


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    """File, place, key, suggestion and all allowed ones."""
    assert refusal(tmp_path, "name: x\ninner: {chanels: 3}") == (
        "unknown key 'chanels' in FILE under inner, did you mean 'channels'? "
        "Allowed: channels, rate, kind, betas"
    )
    assert "unknown key 'nam' in FILE, did you mean 'name'?" in refusal(tmp_path, "nam: x")


def test_an_unknown_key_in_an_override_is_named(tmp_path: Path) -> None:
    """It must not be dropped."""
    message = refusal(tmp_path, "name: x", "inner.rat=0.5")
    assert "unknown key 'rat' in FILE under inner, did you mean 'rate'?" in message


@pytest.mark.parametrize(
    ("yaml_text", "says"),
    [
        ("inner: {channels: '16'}", "inner.channels is '16'; it must be a valid integer"),
        ("inner: {channels: 16.0}", "inner.channels is 16.0; it must be a valid integer"),
        ("inner: {channels: true}", "inner.channels is True; it must be a valid integer"),
        ("inner: {channels: 0}", "it must be greater than or equal to 1"),
        ("inner: {channels: 1000000000}", "it must be less than or equal to 4096"),
        ("inner: {channels: 99999999999999999999}", "finite and at most 2^53"),
        ("inner: {rate: .nan}", "inner.rate is nan; numbers must be finite"),
        ("inner: {rate: -.inf}", "inner.rate is -inf; numbers must be finite"),
        ("inner: {rate: 1e999}", "inner.rate is inf; numbers must be finite"),
        ("inner: {kind: blue}", "inner.kind is 'blue'; it must be 'mel' or 'white'"),
        ("inner: {betas: [0.5]}", "inner.betas.1 is missing"),
        ("inner: 3", "inner is 3"),
        ("resume: 1", "resume is 1; it must be a valid boolean"),
        ("resume: 'true'", "resume is 'true'; it must be a valid boolean"),
        ("speakers: a", "speakers is 'a'"),
        ("free: {a: {b: [1, .nan]}}", "free.a.b.1 is nan"),
        ("free: {1: 2}", "the key 1 under free is no text"),
        ("inner: {channels: 0, rate: 7}", "(and 1 more)"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    tmp_path: Path, yaml_text: str, says: str
) -> None:
    """File, dotted key, value, rule."""
    message = refusal(tmp_path, f"name: x\n{yaml_text}")
    assert message.startswith("FILE: ")
    assert says in message


def test_a_missing_key_and_a_rule_across_keys_are_named(tmp_path: Path) -> None:
    """Rules of the model's own keep their words."""
    assert refusal(tmp_path, "resume: true") == "FILE: the key name is missing"
    assert refusal(tmp_path, "name: taken") == "FILE: the name 'taken' is taken"


@pytest.mark.parametrize(
    "key", ["_target_", "class_path", "auto_map", "trust_remote_code", "_partial_"]
)
@pytest.mark.parametrize("place", ["{}: os.system", "inner: {{{}: x}}", "free: {{a: [{{{}: x}}]}}"])
def test_a_config_cannot_choose_code(tmp_path: Path, key: str, place: str) -> None:
    """At no depth, also where any mapping is taken."""
    message = refusal(tmp_path, f"name: x\n{place.format(key)}")
    assert f"{key!r} is refused, a configuration cannot choose code" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no keys"),
        ("- a\n- b", "holds no keys"),
        ("just text", "holds no keys"),
        ("name: [", "is not valid YAML"),
        ("name: x\nname: y", "'name' stands twice"),
        ("name: &a x\nwarm_start: *a", "aliases (*name) are not allowed"),
        ("name: !!python/object/apply:os.system [echo]", "is not valid YAML"),
        ("name: !!set {a}", "it must be a valid string|nested too deep or holds"),
        ("name: x\nfree: " + "[" * 5000 + "]" * 5000, "nested too deep|is not valid YAML"),
        ("name: x\nfree: {a: " + "9" * 5000 + "}", "is not valid YAML|2^53"),
        ("name: '" + "x" * 2**20 + "'", "larger than"),
        ("? [a, b]\n: c", "not valid YAML|is no text"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """Other YAML, broken YAML, and YAML that does something."""
    message = refusal(tmp_path, text)
    assert any(part in message for part in says.split("|")), message


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, a directory, other bytes."""
    with pytest.raises(InputError, match=r"cannot read .*no such file"):
        load_config(tmp_path / "b.yaml", Outer)
    with pytest.raises(InputError, match=r"cannot read .*is a directory"):
        load_config(tmp_path, Outer)
    (tmp_path / "c.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_config(tmp_path / "c.yaml", Outer)


@pytest.mark.parametrize("override", ["inner.rate", "=3", "inner..rate=3", ".=1", ""])
def test_an_override_without_key_or_value_is_refused(tmp_path: Path, override: str) -> None:
    """The sentence shows how to write one."""
    assert "write key=value or a.b=value" in refusal(tmp_path, "name: x", override)


def test_an_override_below_a_plain_value_is_refused(tmp_path: Path) -> None:
    """A text has no keys."""
    message = refusal(tmp_path, "name: x", "name.first=a")
    assert message == "cannot set name.first: name is 'x' and has no keys of its own"


def test_a_config_cannot_be_changed() -> None:
    """What was checked stays checked."""
    with pytest.raises(ValueError, match="frozen"):
        Inner().channels = 9  # type: ignore[misc]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1e5", "no", "~", "0800", "1_000", ".inf", "1:30", "=", "\u0085", "- a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from([*Outer.model_fields, "nam", "_target_"]), plain))
def test_any_mapping_is_a_config_or_our_error(mapping: dict[str, Any]) -> None:
    """No other exception, whatever stands in it."""
    try:
        config = parse_config(mapping, Outer)
    except InputError:
        return
    assert config.name == mapping["name"]


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
finite = st.floats(min_value=-(2.0**53), max_value=2.0**53)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | names
words = st.sampled_from(["1e5", "no", "~", "", "0800", "1_000", ".inf", "1:30", "=", "0o7", "null"])


@settings(deadline=None, max_examples=60)
@given(
    config=st.builds(
        Outer,
        name=(names | words).filter(lambda name: name != "taken"),
        inner=st.builds(
            Inner,
            channels=st.integers(1, 4096),
            rate=st.floats(0, 1, exclude_max=True),
            kind=st.sampled_from(["mel", "white"]),
            betas=st.tuples(finite, finite),
        ),
        speakers=st.lists(names | words).map(tuple),
        warm_start=st.none() | names | words,
        free=st.dictionaries(names | words, leaves | words, max_size=4),
    )
)
def test_a_saved_config_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, config: Outer
) -> None:
    """Also texts that look like numbers, and floats to the last bit; other readers agree."""
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    save_config(path, config)
    assert load_config(path, Outer) == config
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == config.name


def test_numbers_survive_saving_to_the_last_bit(tmp_path: Path) -> None:
    """Shortest digits that mean the same float."""
    rate = math.nextafter(0.1, 1)
    save_config(tmp_path / "a.yaml", Inner(rate=rate))
    assert load_config(tmp_path / "a.yaml", Inner).rate == rate
