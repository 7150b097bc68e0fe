"""How options are named, and what stands beside one: that it is right, chosen, listed with another,
or denied.
"""

import re

from stages.core.grading.choice.options import NAMES
from stages.core.grading.statement.words import any_of

ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
# A name of an option at the start of a text. A lower-case letter counts in brackets or by itself
LABEL = re.compile(
    rf"(?:the )?(?P<noun>(?i:{NAMES}|letter))?[\s(]*"
    r"(?:(?P<bracketed>(?<=\()[A-Za-z](?=\)))|(?P<letter>[A-Z])(?![\w'+]|-\w)"
    r"|(?P<small>[a-z])(?=[).:]?\s*$|[).]\s)|(?P<digit>[1-9])(?![\w%]|[.,/]\d))(?:\s?\))?"
    # options.written
    rf"|(?i:{NAMES})(?P<number>[1-9])(?!\w)|(?i:option) (?P<tens>[12]\d)(?![\w%]|[.,/]\d)"
    rf"|(?i:the (?P<ordinal>{'|'.join(ORDINALS)})\b(?: {NAMES}| one)?)"
)
LEADING = re.compile(
    rf"(?:(?:{any_of('definitely most_likely likely clearly probably indeed simply therefore thus hence so')}"
    rf"|{any_of('either both the correct right best is it_is that')}|it's|it must be"
    rf"|{NAMES}s?:?(?=\s[(A-Z\d])(?!\s[A-Z]?[a-z]))\b[:,]?\s+)+(?=[(A-Z\d]|the\b|[a-z][).])",
    re.IGNORECASE,
)
LINKS = any_of(
    "and or also possibly maybe perhaps both either as_well_as but then even answer option choice"
)
BETWEEN = re.compile(rf"(?:\(\d+ ?%\)|[\s,;:.&/+()-]|\b{LINKS}\b)*", re.IGNORECASE)
LOWER_CASE_NEXT = re.compile(r"\s?(?:and|or|,|&|/)\s?(?!i\.e\b|e\.g\b)[a-z](?![\w'])")  # "B and c"
# What may stand after an option's name or text
TAIL_WORDS = (
    "because since as due for which where when while given in on at by with from to is are was not rather instead "
    "based if will can that fits? seems makes would must should place position option choice one"
)
TAIL = re.compile(rf"\W*$|[.!;:)]|\s?[,(\u2014\u2013-]|\s{any_of(TAIL_WORDS)}\b")
ENDS = re.compile(r"\W*$")
SEPARATOR = re.compile(r"[ .,:;)(\u2013\u2014-]*")
IS = any_of(
    "is was seems would_be must_be should_be has_to_be appears_to_be looks makes gives fits works describes matches"
)
RIGHT = any_of(
    "correct right best answer likely appropriate suitable sense choice accurate better fits true "
    "only_(?:one|option|choice)"
)
NOT_QUITE = any_of("part second almost nearly previous no\\b little least")
MOST = any_of("most best greatest highest largest")
SAID_RIGHT = re.compile(
    rf"\s*{IS}\b(?:(?!\b{NOT_QUITE})[\w\s,'-]){{0,40}}?\b{RIGHT}\b(?! to the previous)"
    r"|\s*(?:fits?|best|it is|the (?:right|correct|best) (?:pick|choice|answer|option|one))\b"
    rf"|\s(?:(?:will|would|can|should) )?\w+ (?:the )?{MOST}\b",
    re.IGNORECASE,
)
CHOOSE = (
    "is be leav(?:es|ing) choos(?:e|ing) chose pick(?:ed)? meant select(?:ed)? go(?:ing)?_with went_with say "
    "answer option "
    "choice only"
)
CHOSEN = re.compile(
    rf"\b(?:{any_of(CHOOSE)}"
    r"|it's|that's|correct:|left with)[:\s]+(?:(?:most likely|definitely|clearly|probably) )?$",
    re.IGNORECASE,
)
BEFORE_A_TEXT = any_of(
    "the an? in on at around near with from to by for of as be is are was say choose pick select gets? uses? called "
    "into through likely probably"
)
BEFORE_THE_TEXT = re.compile(
    rf"(?:[^\w\s]|\b{BEFORE_A_TEXT}|'s|\b(?:has|have|had|\w{{2,}}(?:s|ed)))\s*$", re.IGNORECASE
)
WEAK = (
    "second_\\w+est against partially partly previous less little few(?:er)? like unlike avoids? lacks? than beats? "
    "before between first consider if no too outside "
    "absent differs? different similar reverse inverse discards? removes? dismiss least away almost "
    "student otherwise when"
)
WEAKENS = re.compile(rf"\b{any_of(WEAK)}\b", re.IGNORECASE)
NAMED_AFTER = re.compile(r"\b(?:hepatitis|vitamin|plan|type)\s$", re.IGNORECASE)  # "vitamin B"
CONCLUDES = re.compile(
    r"(?:^|(?<![Aa]nything)(?<![Ee]verything)(?<![Aa]ll)[\s,;])(?i:so|thus|therefore|hence|but)\b[,:]?\s"
    r"|(?<!\d)[;:]\s(?!\s*[A-Z]\b)"
    r"|,\s(?=[A-Z]\b\)?\s(?:is|fits|must|makes))|=>\s"
    r"|,?\s(?i:which leaves|leaving)\s(?:us with |only )?|(?<=[a-z]), and (?=[A-Z] is my (?:answer|choice|pick)\b)"
    rf"|,?\s(?i:which|that) is,?\s(?=(?i:{NAMES})\s\(?[A-Z]\b|\(?[A-Z]\)?\W*$)"
)
DENIED_ASIDE = re.compile(
    r"(?<=\S)\s?\((?!(?:wrong|incorrect|no)\b)[^()]*\)|[;,]\s[^;,]*|\sand not\s[^;,]*"
)
VERB = re.compile(r"\s(?:is|was|are|fits?|seems|makes|would|must|should)\b")
LISTED_TOO = re.compile(
    r"\W*$|\s?[,;.:&/+()\u2013\u2014-]|\s(?:and|or|but|are|as|both|is (?:also|not))\b|\s(?=[A-Z(])"
)
REASON = re.compile(
    r"\W*$|,?\s\(?(?:because|since|as|which|not|rather|instead|due)\b|[.:;)]\s|\s[\u2014\u2013-]\s"
)
MARKED_WRONG = re.compile(
    r"\s?(?:->|=>|\((?:wrong|no\b)|[-\u2013\u2014.:]\s?(?:wrong|incorrect|false|no)\b|[*'-]\s*$"
    r"|(?:if|when|unless|assuming)\b)"
)
ENDS_WRONG = re.compile(
    r"(?:\((?:no|wrong|incorrect|false)\)|[:\u2013\u2014-]\s(?:no|wrong|incorrect|false))\W*$",
    re.IGNORECASE,
)
ARTICLE = re.compile(r"A [a-z]{2,}(?<! is)(?<! or)(?<! and)(?<! was)|I\b(?! is)")
