"""Measures, percentages, temperatures and heights."""

from __future__ import annotations

import re

from text.english.numbers import NUMBER, cardinal, decimal, fraction, is_one

# Symbol: (one, many). A symbol is met only right after a number, so that words stay words.
_UNITS = {
    "mm": ("millimeter", "millimeters"), "cm": ("centimeter", "centimeters"),
    "m": ("meter", "meters"), "km": ("kilometer", "kilometers"), "nm": ("nanometer", "nanometers"),
    "μm": ("micrometer", "micrometers"), "um": ("micrometer", "micrometers"),
    "mi": ("mile", "miles"), "yd": ("yard", "yards"), "ft": ("foot", "feet"),
    "in.": ("inch", "inches"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
    "kg": ("kilogram", "kilograms"), "μg": ("microgram", "micrograms"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "mL": ("milliliter", "milliliters"), "ml": ("milliliter", "milliliters"),
    "L": ("liter", "liters"), "l": ("liter", "liters"), "gal": ("gallon", "gallons"),
    "tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons"),
    "s": ("second", "seconds"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"), "μs": ("microsecond", "microseconds"),
    "ns": ("nanosecond", "nanoseconds"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "h": ("hour", "hours"), "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"), "yr": ("year", "years"), "yrs": ("year", "years"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
    "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"), "kV": ("kilovolt", "kilovolts"), "mA": ("milliamp", "milliamps"),
    "mAh": ("milliamp hour", "milliamp hours"), "J": ("joule", "joules"),
    "kJ": ("kilojoule", "kilojoules"), "kcal": ("kilocalorie", "kilocalories"),
    "cal": ("calorie", "calories"), "Pa": ("pascal", "pascals"),
    "kPa": ("kilopascal", "kilopascals"), "hPa": ("hectopascal", "hectopascals"),
    "bit": ("bit", "bits"), "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"), "PB": ("petabyte", "petabytes"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "dB": ("decibel", "decibels"), "ha": ("hectare", "hectares"), "ac": ("acre", "acres"),
    "mph": ("mile per hour", "miles per hour"), "mpg": ("mile per gallon", "miles per gallon"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "fps": ("frame per second", "frames per second"),
    "ppm": ("part per million", "parts per million"), "psi": ("P S I", "P S I"),
    "px": ("pixel", "pixels"), "pts": ("point", "points"), "sq": ("square", "square"),
    "°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "° C": ("degree Celsius", "degrees Celsius"),
    "° F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"), "%": ("percent", "percent"), "‰": ("per mille", "per mille"),
}  # fmt: skip
_POWERS = {"2": "square", "3": "cubic"}
_NAME = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_END = r"(?![A-Za-z0-9°%])"

_RANGE = re.compile(
    rf"(?<![\d.,])({NUMBER})(\.\d+)?(?:%|°)?\s?[-–]\s?(?=(?:{NUMBER})(?:\.\d+)?\s?(?:{_NAME}){_END})"
)
_MEASURE = re.compile(
    rf"(?<![\w.,/])(?:({NUMBER})(\.\d+)?|(\.\d+))( |-)?(?:(sq|cu)\.? )?({_NAME})(?:\^?([23]))?"
    rf"(?: ?(?:/|\bper\b) ?({_NAME})(?:\^?([23]))?)?{_END}(?:\.(?=\s[a-z]))?"
)
_TO_MEASURE = re.compile(rf"(?<=\d)( ?(?:{_NAME})) ?[-–] ?(?=\d[\d,.]{{0,12}} ?(?:{_NAME}){_END})")
_HEIGHT = re.compile(r"(?<![\w.,'])(\d{1,2})' ?(\d{1,2})(?:\"|'')(?!\w)")
_FEET = re.compile(r"(?<![\w.,'])(\d{1,4})'(?= (?:tall|wide|long|deep|high|by|x)\b)")
_INCHES = re.compile(
    r"(?<![\w.,'])(\d{1,4})(\.\d+)?\"(?= (?:tall|wide|long|deep|high|thick|by|x|screen|monitor|"
    r"display|pipe|diameter)\b)"
)
_FRACTION = re.compile(
    rf"(?<![\w.,/])(?:({NUMBER})[ -])?(\d{{1,3}})/(\d{{1,3}})( |-)?({_NAME}){_END}"
    r"(?:\.(?=\s[a-z]))?"
)
_MULTIPLE = re.compile(rf"(?<![\w.,])({NUMBER})(\.\d+)?[x×](?=[\s.,;:!?)]|$)")
_BY = re.compile(r"(?<=\d) ?[x×] ?(?=\d)")


def say_units(text: str, british: bool) -> str:
    """Write out numbers that carry a unit.

    Example:
        >>> say_units("5 km/h at 30°C", False)
        'five kilometers per hour at thirty degrees Celsius'
    """
    text = _HEIGHT.sub(lambda m: f"{_measured(m[1], '', 'ft')} {_measured(m[2], '', 'in.')}", text)
    text = _FEET.sub(lambda m: _measured(m[1], "", "ft"), text)
    text = _INCHES.sub(lambda m: _measured(m[1], m[2] or "", "in."), text)
    text = _TO_MEASURE.sub(r"\1 to ", text)
    text = _BY.sub(" by ", text)
    text = _RANGE.sub(lambda m: f"{decimal(m[1] + (m[2] or ''), british)} to ", text)
    text = _FRACTION.sub(lambda m: _fraction(m, british), text)
    text = _MEASURE.sub(lambda m: _measure(m, british), text)
    text = _MULTIPLE.sub(lambda m: f"{decimal(m[1] + (m[2] or ''), british)} times", text)
    return text


def _fraction(match: re.Match[str], british: bool) -> str:
    whole, top, bottom, joint, name = match.groups()
    said = fraction(top, bottom, british)
    one, many = _UNITS[name]
    if whole:
        part = re.sub("^one (?=half|quarter)", "a ", said)
        return f"{cardinal(whole, british)} and {part} {one if joint == '-' else many}"
    if joint == "-":
        return f"{said} {one}"
    return f"{said} of {'an' if one[0] in 'aeiou' else 'a'} {one}"


def _measure(match: re.Match[str], british: bool) -> str:
    whole, rest, bare, joint, prefix, name, power, under, under_power = match.groups()
    if joint is None and name == "s" and _is_plural(whole or "1"):
        return match[0]
    power = {"sq": "2", "cu": "3"}.get(prefix or "", power)
    said = _measured(whole or "", rest or bare or "", name, power, british, joint == "-")
    if not under:
        return said
    below = _UNITS[under][0]
    if not under_power:
        return f"{said} per {below}"
    if below.endswith("second"):
        return f"{said} per {below} {'squared' if under_power == '2' else 'cubed'}"
    return f"{said} per {_POWERS[under_power]} {below}"


def _is_plural(digits: str) -> bool:
    """Whether the "s" of "747s" or "20s" is an ending rather than seconds."""
    return len(digits) > 2 or (len(digits) == 2 and digits.endswith("0"))


def _measured(
    whole: str, rest: str, name: str, power: str | None = None, british: bool = False,
    compound: bool = False,
) -> str:  # fmt: skip
    one, many = _UNITS[name]
    unit = one if compound or (is_one(whole) and not rest) else many
    kind = f"{_POWERS[power]} " if power else ""
    return f"{decimal(whole + rest, british)} {kind}{unit}"
