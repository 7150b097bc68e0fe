"""Words beside a value that make it another one, or none: an answer that has them is not that value."""

import re

# Scale, bound, deny or combine. "18 million", "more than 18", "not 18" and "18 and a half" are not 18
_CHANGING = (
    "not never neither nor cannot no none except but without isnt wrong incorrect false unless otherwise either maybe "
    "perhaps possibly between more less fewer greater smaller least most over under above below up beyond exceeds than "
    "about approximately approx around roughly nearly almost circa close "
    "million millions billion billions trillion thousand thousands hundred hundreds dozen dozens half halves third "
    "thirds quarter quarters fifth fifths tenth tenths hundredth hundredths thousandth thousandths twice double triple "
    "thrice plus minus divided over squared cubed power root sqrt abs factorial base log ln sin cos tan pi mod modulo "
    "undefined infinity infinite "
    "two three four five six seven eight nine ten eleven twelve"
).split()
_WORDS = re.compile(
    rf"\b(?:{'|'.join(dict.fromkeys(_CHANGING))})\b|n['\u2019]t\b|\btimes\b(?=\s+\S)|\bor so\b", re.IGNORECASE
)
# Words, or letters, set upright within a formula
TEXT = re.compile(r"\\(?:text|mbox|mathrm|textbf|textrm|textit|mathbf) ?\{([^{}]{0,400})\}")
DENIED = re.compile(
    r"\b(?:not|never|neither|nor|cannot|no|except|but|wrong|incorrect|false|ruled?|hardly|far from|unlikely)\b"
    r"|n['\u2019]t\b|\\neg",
    re.IGNORECASE,
)
UNITS = (
    "cm mm km dm nm kg mg ml cl dl ft in inch inches foot feet yard yards yd mile miles mi meter meters metre metres "
    "centimeter centimeters centimetre centimetres millimeter millimeters kilometer kilometers kilometre kilometres "
    "square cubic sq cu units unit degree degrees deg radian radians rad percent dollar dollars cent cents usd eur gbp "
    "euro euros pound pounds lb lbs ounce ounces oz gram grams kilogram kilograms ton tons liter liters litre litres "
    "gallon gallons hour hours hr hrs minute minutes min mins second seconds sec secs day days week weeks month months "
    "year years mph kph kmh per"
).split()


def changed(text: str) -> bool:
    """Whether a word in `text` changes the value that stands beside it."""
    return _WORDS.search(text) is not None
