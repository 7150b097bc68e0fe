"""Patterns for what stands beside a number and makes it another one, or none.

They find bounds, operations, comparisons and denials. Others find the words that say what a number
is for.
"""

import re

from stages.core.grading.statement.words import any_of

_RELATIONS = (
    "n?eq? n?leq? n?geq? leqslant geqslant lesssim gtrsim gtr? less not ngtr nless approx sim "
    "simeq cong propto mid ll gg pm mp infty"
)
# `<`, `!=`, `\leq`, the sign of infinity
RELATION = re.compile(
    r"[<>~\u00b1\u2213\u221e\u2248\u2260\u2264\u2265"
    r"\u2243\u2245\u2262\u2272\u2273\u226a\u226b\u221d]"
    rf"|!=|=/=|\\{any_of(_RELATIONS)}(?![A-Za-z])"
)
_BOUNDS = (
    "not never neither nor except but either isn't wasn't no_longer over under above below "
    "(?<!add_)(?<!adds_)up_to about approximately "
    "approx\\.? circa ca\\. near around roughly nearly almost between within beyond exceeds "
    "divides than_or_equal_to at_least at_most max(?:imum)?\\.? min(?:imum)?\\.? "
    "a_m(?:in|ax)imum_of (?:more|less|fewer|greater|larger)_than formerly previously"
)
_OPERATIONS = (
    "twice double triple thrice half(?:_of)? third_of quarter_of multiple_of factor_of plus minus "
    "times squared sqrt root_of log ln sin cos tan arcsin arccos arctan pi base max min int"
)
# Right before a number
CHANGES_BEFORE = re.compile(
    # "at least 5", "twice the 5": with at most one word between
    rf"\b{any_of(_BOUNDS, _OPERATIONS)}\s(?:[a-z]+\s)?$"
    # `\sqrt 5`, `+ 5`, `x - 5`, `f(5)`, `x5`
    r"|\\(?!times|cdot|equiv)[A-Za-z]+ ?\(?$|[+*/^\u221a\u00d7\u00b7\u00f7\\]\s?\(?$"
    r"|[\w)]\s?-\s?\(?$|[A-Za-z_]\($|[\w)\]]$",
    re.IGNORECASE,
)
_OPERATOR_AFTER = (
    # "5!", "5/x" but not "5/hour", `5\sqrt{2}`, "5 + x" but not "5+years"
    r"\s?(?:[*^\u221a\u00d7\u00b7\u00f7!]|/(?![a-z]{2})|\\(?!text|%)[a-zA-Z]+|\+(?!\w*[a-z]{2})"
    # "5:30", "5 degrees 30", "5 ... 9", "5-x"
    r"|:\d|\u00b0 ?\d|\.{2,} ?\d|[-\u2013]\s?(?:\d|[a-zA-Z](?!\w)|\\))"
    # "5x" and "5 x": a variable, not a unit
    r"|[^\W\d]|['\u2032(]|\s(?:[b-hjkn-rt-z]|[A-BD-EG-IM-RT-UX-Z])(?![\w'.])"
)
_OPERATIONS_AFTER = any_of(
    "squared cubed doubled tripled quadrupled halved factorial mod modulo plus minus pi root power"
)
_LONG_OPERATIONS_AFTER = any_of(
    "divided_by multiplied_by raised_to to_the_power with_(?:a_)?remainder (?:[a-z]+_)?below_zero"
)
_SCALES_AFTER = any_of(
    "lakh crore (?:thousand|hundred|ten)ths thirds quarters halves max min approximately"
)
_CHANGES_AFTER = any_of("turns_into changes_to rounds_up")
_WORD_AFTER = (
    rf"\s(?:{_OPERATIONS_AFTER}|{_LONG_OPERATIONS_AFTER}|{_SCALES_AFTER}|{_CHANGES_AFTER}"
    # "5 over 3", "5 times x", "101 in base two", "5 to 9", "5 R 2", "5 less x", "5 and x"
    r"|over (?:\d+|[a-z]\b)|times(?=\s(?!as\b)[\w\\$])|in base \w+|base \d+|to \d+|R \d+"
    r"|less [a-z]\b|and [a-z]\b(?! )"
    # "5 and a third", "5 and three quarters"; not "5 and a half"
    r"|and (?:a (?!half)|three )\w+(?: \w+)?$)(?!\w)"
    # "5-ish", "5, give or take"
    r"|-ish\b|,? (?:approximately|or thereabouts|give or take)\b"
    # "5 or more", "5 and up"
    r"|\s?(?:or|and) (?:more|less|fewer|so|greater|higher|lower|above|below|over|under|up)\b"
    # "5 at most", "5 or maybe"
    r"|\s(?:at (?:least|most|minimum|maximum)|or (?:at|maybe|perhaps|possibly))\b"
)
_COMPARED_AFTER = (
    # "5 apples more than the 3"
    r"[^.;]{0,60}?\b(?:more|less|fewer|greater|smaller|higher|lower) than "
    r"(?:the |her |his |its |their )?\d"
    # "5% of the 30", "5 if there are 3"
    r"|\s?(?:%|percent|per cent) of \D{0,12}\d"
    r"|[^.;]{0,40}\b(?:if|unless|assuming|without|for [A-Z]\w+ and)\b[^.;]*\d"
)
_DENIED_AFTER = (
    # "5 divides", "5 is odd" but not "5 is the answer", "5 must be rejected"
    r"\s(?:divides|is (?!(?:the|our|what|your|it|how|correct|right|left)\b|\d)|fails\b"
    r"|does(?:n't| not)\b|must be (?:discarded|rejected))"
    # "5 was not right" but not "5 was not needed", "5 apples is wrong", "5 was my first guess"
    r"|\s?(?:[a-z]+ )?(?:(?:is|was|are|would be|seems)\s|(?:is|was|'s)n't|'s )"
    r"(?:not (?!\w+ed\b|in\b|red\b)|n't|wrong|incorrect|false|impossible|too"
    r"|(?:an? |my |the )?(?:\w+ )?"
    r"(?:overestimate|underestimate|upper bound|lower bound|guess|mistake|error))"
    # "5 is extraneous", "5 is a common mistake"
    r"|\s?(?:is|was) (?:an? |the )?(?:most )?(?:extraneous|rejected|spurious"
    r"|common (?:mistake|error))"
    r"|\s?leads? to a contradiction|,? plus (?:an?|the)\b"
    # "5 dollars before tax"
    r"|\s(?:\w+ )?(?:before|without|excluding|not counting) (?:the |an? )?"
    r"(?:tax(?:es)?|tips?|discounts?|fees?|shipping)\b"
    # "5 but that is wrong"
    r"|[^.,;\d]{0,60}\b(?:that|which|it|this) (?:is|was) "
    r"(?:wrong|incorrect|false|not right|not correct)"
    # "5 isn't", "5?", "5 (wrong)"
    r"|\s?isn't|\s?\?|\s?\((?:wrong|incorrect|false|no)\b"
)
# Right after a number
CHANGES_AFTER = re.compile(f"{_OPERATOR_AFTER}|{_WORD_AFTER}|{_COMPARED_AFTER}|{_DENIED_AFTER}")

_PREPOSITIONS = (
    "of for in at on by from after before with without than per into out among during through "
    "until since because when where which who if while although though compared originally versus "
    "vs given like"
)
_VERBS_BEFORE_TO = (
    "equal comes adds_up equals amounts simplifies sums rounds reduces evaluates works_out"
)
# "to", but not the one of "equal to"
_TO = "".join(f"(?<!{verb.replace('_', ' ')} )" for verb in _VERBS_BEFORE_TO.split()) + "to"
_LABELS = (
    "number days? week grade step question problem part case page room chapter level year equation "
    "row column item"
)
_VERB_WORDS = (
    "is are was were be been equals? has have had gets? makes? needs? costs? pays? earns? leaves? "
    "takes? left sold receives? received total_of"
)
VERBS = any_of(_VERB_WORDS)
AMOUNTS = (
    "total sum probability ratio average profit loss remainder value length width height area "
    "volume weight speed distance price cost mean median score balance change discount perimeter "
    "rate size age"
)
_SUBJECTS = f"he she it they we i you there an?_{any_of(AMOUNTS)}_of to"
# The nearest of these before a number says what the number is for
GOVERNOR = re.compile(
    rf"\b(?:(?P<passed>{any_of(_PREPOSITIONS, _LABELS)}|{_TO})|{any_of(_VERB_WORDS, _SUBJECTS)})\b",
    re.IGNORECASE,
)
_GIVING = (
    "is are was were be equals? gives? giving makes? making leaves? leaving earns? totals? yields? "
    "gets? obtain find leav(?:es|ing)(?:_\\w+)?_with left_with has have had total_of comes_to "
    "works_out_(?:at|to|as) adds_up_to amounts_to results_in brings_in to_get equal_to remains?"
)
GIVE = any_of(_GIVING)
# Right before the number that a sentence gives
GIVES = re.compile(
    # "It brings the price to 5", "It fell from 9 to 5"
    r"\b(?:brings?|bringing|lowers|raises|reduces|increases|dropp?ed|drops|fell|falls|rose|rises"
    r"|grew|went (?:up|down))"
    r" [\w\s'$%]{1,30} to -?$|"
    # "Dividing 120 by 5 gives 24", "It comes to twelve"
    rf"\b{GIVE}(?: us| her| him| them)? (?:(?:only|exactly|just|a total of|now) )?-?$",
    re.IGNORECASE,
)
_SUMMING = any_of(
    "for_a_(?:grand_)?total making bringing leaving giving totall?ing resulting so i\\.e\\."
)
# Begins the part of a sentence that sums the others up: "..., for a total of 24"
SUMS_UP = re.compile(rf"\s*{_SUMMING}(?!\w)", re.IGNORECASE)
