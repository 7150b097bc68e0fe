"""Patterns for the names of options, and for the words beside them.

The words say that an option is right, chosen, listed with another, or denied.
"""

import re

from stages.core.grading.choice.options import NAMES
from stages.core.grading.statement.words import any_of

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
# A name of an option at the start of a text
LABEL = re.compile(
    # "option B", "(b)", "B"
    rf"(?:the )?(?P<noun>(?i:{NAMES}|letter))?[\s(]*"
    r"(?:(?P<bracketed>(?<=\()[A-Za-z](?=\)))|(?P<letter>[A-Z])(?![\w'+]|-\w)"
    # a lower-case letter counts in brackets or by itself: "b)", "b."; "option 2", "2"
    r"|(?P<small>[a-z])(?=[).:]?\s*$|[).]\s)|(?P<digit>[1-9])(?![\w%]|[.,/]\d))(?:\s?\))?"
    # "answer2"; and "option 12", as options.written names a gold
    rf"|(?i:{NAMES})(?P<number>[1-9])(?!\w)|(?i:option) (?P<tens>[12]\d)(?![\w%]|[.,/]\d)"
    # "the second option", "the last one"
    rf"|(?i:the (?P<ordinal>{'|'.join(ORDINALS)})\b(?: {NAMES}| one)?)"
)
_SURELY = any_of(
    "definitely most_likely likely clearly probably indeed simply therefore thus hence so"
)
_RIGHT_ONE = any_of("either both the correct right best is it_is that")
# "most likely the correct option: " before "B"
LEADING = re.compile(
    rf"(?:(?:{_SURELY}|{_RIGHT_ONE}|it's|it must be"
    rf"|{NAMES}s?:?(?=\s[(A-Z\d])(?!\s[A-Z]?[a-z]))\b[:,]?\s+)+(?=[(A-Z\d]|the\b|[a-z][).])",
    re.IGNORECASE,
)
_LINKS = any_of(
    "and or also possibly maybe perhaps both either as_well_as but then even answer option choice"
)
# ", and also " between two options that are listed together
BETWEEN = re.compile(rf"(?:\(\d+ ?%\)|[\s,;:.&/+()-]|\b{_LINKS}\b)*", re.IGNORECASE)
# "B and c"
LOWER_CASE_NEXT = re.compile(r"\s?(?:and|or|,|&|/)\s?(?!i\.e\b|e\.g\b)[a-z](?![\w'])")
_TAIL_WORDS = (
    "because since as due for which where when while given in on at by with from to is are was not "
    "rather instead based if will can that fits? seems makes would must should place position "
    "option choice one"
)
# What may stand after an option's name or text: "B.", "B, which", "B because"
TAIL = re.compile(rf"\W*$|[.!;:)]|\s?[,(\u2014\u2013-]|\s{any_of(_TAIL_WORDS)}\b")
ENDS = re.compile(r"\W*$")
# Between an option's name and its text: "B) ", "B: "
SEPARATOR = re.compile(r"[ .,:;)(\u2013\u2014-]*")
_IS = any_of(
    "is was seems would_be must_be should_be has_to_be appears_to_be looks makes gives fits works "
    "describes matches"
)
_RIGHT = any_of(
    "correct right best answer likely appropriate suitable sense choice accurate better fits true "
    "only_(?:one|option|choice)"
)
_NOT_QUITE = any_of("part second almost nearly previous no\\b little least")
_MOST = any_of("most best greatest highest largest")
# After an option
SAID_RIGHT = re.compile(
    # "is clearly the correct one"; not "is almost right"
    rf"\s*{_IS}\b(?:(?!\b{_NOT_QUITE})[\w\s,'-]){{0,40}}?\b{_RIGHT}\b(?! to the previous)"
    # "fits", "the right pick"
    r"|\s*(?:fits?|best|it is|the (?:right|correct|best) (?:pick|choice|answer|option|one))\b"
    # "would absorb the most"
    rf"|\s(?:(?:will|would|can|should) )?\w+ (?:the )?{_MOST}\b",
    re.IGNORECASE,
)
_CHOOSE = any_of(
    "is be leav(?:es|ing) choos(?:e|ing) chose pick(?:ed)? meant select(?:ed)? go(?:ing)?_with "
    "went_with say answer option choice only"
)
# Before an option: "I pick ", "so it's most likely "
CHOSEN = re.compile(
    rf"\b(?:{_CHOOSE}"
    r"|it's|that's|correct:|left with)[:\s]+(?:(?:most likely|definitely|clearly|probably) )?$",
    re.IGNORECASE,
)
_WORDS_BEFORE_A_TEXT = any_of(
    "the an? in on at around near with from to by for of as be is are was say choose pick select "
    "gets? uses? called into through likely probably"
)
# Before an option's text that ends a sentence: "She uses a ", "It has ", "The crew needs "
BEFORE_THE_TEXT = re.compile(
    rf"(?:[^\w\s]|\b{_WORDS_BEFORE_A_TEXT}|'s|\b(?:has|have|had|\w{{2,}}(?:s|ed)))\s*$",
    re.IGNORECASE,
)
_WEAK = (
    "second_\\w+est against partially partly previous less little few(?:er)? like unlike avoids? "
    "lacks? than beats? before between first consider if no too outside absent differs? different "
    "similar reverse inverse discards? removes? dismiss least away almost student otherwise when"
)
# Where one of these stands, an option is not said to be right
WEAKENS = re.compile(rf"\b{any_of(_WEAK)}\b", re.IGNORECASE)
# "vitamin " of "vitamin B"
NAMED_AFTER = re.compile(r"\b(?:hepatitis|vitamin|plan|type)\s$", re.IGNORECASE)
# Where a sentence begins to conclude
CONCLUDES = re.compile(
    # "so ", "but "; not "anything but"
    r"(?:^|(?<![Aa]nything)(?<![Ee]verything)(?<![Aa]ll)[\s,;])"
    r"(?i:so|thus|therefore|hence|but)\b[,:]?\s"
    # "; ", ": "; ", " before "B) is"; "=> "
    r"|(?<!\d)[;:]\s(?!\s*[A-Z]\b)"
    r"|,\s(?=[A-Z]\b\)?\s(?:is|fits|must|makes))|=>\s"
    # ", which leaves only ", ", and " before "B is my choice"
    r"|,?\s(?i:which leaves|leaving)\s(?:us with |only )?"
    r"|(?<=[a-z]), and (?=[A-Z] is my (?:answer|choice|pick)\b)"
    # ", which is " before "option B" or "B."
    rf"|,?\s(?i:which|that) is,?\s(?=(?i:{NAMES})\s\(?[A-Z]\b|\(?[A-Z]\)?\W*$)"
)
# " (and not C)", ", not C", " and not C"
DENIED_ASIDE = re.compile(
    r"(?<=\S)\s?\((?!(?:wrong|incorrect|no)\b)[^()]*\)|[;,]\s[^;,]*|\sand not\s[^;,]*"
)
VERB = re.compile(r"\s(?:is|was|are|fits?|seems|makes|would|must|should)\b")
# What may stand after an option that is listed with another: ", ", " and", " B"
LISTED_TOO = re.compile(
    r"\W*$|\s?[,;.:&/+()\u2013\u2014-]|\s(?:and|or|but|are|as|both|is (?:also|not))\b|\s(?=[A-Z(])"
)
# What may stand after an option's text that is the answer: ", because", ". "
REASON = re.compile(
    r"\W*$|,?\s\(?(?:because|since|as|which|not|rather|instead|due)\b|[.:;)]\s"
    r"|\s[\u2014\u2013-]\s"
)
# "B (wrong)", "B - no", "B if", "B => "
MARKED_WRONG = re.compile(
    r"\s?(?:->|=>|\((?:wrong|no\b)|[-\u2013\u2014.:]\s?(?:wrong|incorrect|false|no)\b|[*'-]\s*$"
    r"|(?:if|when|unless|assuming)\b)"
)
# "(wrong)." and ": no" at a statement's end
ENDS_WRONG = re.compile(
    r"(?:\((?:no|wrong|incorrect|false)\)|[:\u2013\u2014-]\s(?:no|wrong|incorrect|false))\W*$",
    re.IGNORECASE,
)
# "A lever", where A is no option, and "I"
ARTICLE = re.compile(r"A [a-z]{2,}(?<! is)(?<! or)(?<! and)(?<! was)|I\b(?! is)")
# An option's name anywhere in a text: "B", "(b)", "choice 2", "option 12"
ANY_LABEL = re.compile(
    r"(?<![\w'])([A-Z])(?![\w'])|\(([a-zA-Z])\)"
    rf"|\b(?i:{NAMES})\s?([1-9])\b|\b(?i:option) ([12]\d)\b"
)
