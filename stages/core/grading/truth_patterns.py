"""The words by which a statement says that something is true or false."""

import re

from stages.core.grading.statement import phrases, words

SURELY = "certainly|of course|absolutely|definitely"
YES = rf"true|yes|yeah|yep|yup|correct|right|affirmative|{SURELY}"
NO = (
    rf"false|no way|nope|nah|no|incorrect|wrong|untrue|negative|(?:{SURELY}) not"
    r"|not at all|not (?:true|correct)"
)
# What follows a first word: "No, ...", "Yes it is", "True."; not "no evidence", "No. 5", "true in"
WORD_ENDS = (
    r"(?:(?: from me)?\W*$|\s?[,;!\u2014\u2013-]|[.:](?!\s?\d)"
    r"|\s(?:because|since|as|it|they|he|she|we|you|i|that|this|there|indeed|rather than"
    r"|and not)\b)"
)
FIRST_WORD = re.compile(rf"(?:(?P<no>{NO})|(?P<yes>{YES})){WORD_ENDS}", re.IGNORECASE)
# "it", "the given statement in question", "the claim that whales are fish", "the truth value"
SUBJECT = (
    r"(?:it|this|that|(?:the|this|that|my|your) (?:\w+ )?"
    r"(?:statement|claim|sentence|answer|assertion|proposition"
    r"|hypothesis|conclusion|equation|inequality|identity|formula|equality)(?: in question)?"
    r"(?: (?:that|is that) [^.]{1,200}?)?|this one|the truth value(?: of [^.]{1,80})?)"
    r"(?:, (?:though|however),)?"
)
ADVERB = words.any_of(
    "in_fact, indeed definitely clearly certainly actually therefore thus also in_fact simply "
    "absolutely"
)
# "it is in fact not true", "the claim isn't correct"
IS_TRUE = re.compile(
    rf"{SUBJECT}\s?(?:is,?|was|'s|must be|has to be|should be|holds|evaluates to"
    r"|turns out to be|comes out"
    r"|(?P<is_not>isn't|is not|'s not|wasn't|cannot be|can't be))"
    rf"\s(?:{ADVERB},?\s)*(?P<not>not )?"
    r"(?P<value>true|false|correct|incorrect|untrue|right|wrong|the case)\b(?P<after>[^\n]*)",
    re.IGNORECASE,
)
# ".", ", ", " because"
AFTER_VALUE = re.compile(
    r"\W*$|\s?[.,;:!]|\s(?:that|because|since|as|to say|according to|based on)\b"
)
# " that the answer" of "it is true that the answer is 5", which says no truth value
SAYS_MORE = re.compile(r"\s?(?:to say|that (?:the answer|it|the statement|this)\b)")
# After "right" and "wrong", which may also be adjectives: ". ", ", since"
AFTER_RIGHT_OR_WRONG = re.compile(r"\W*$|:\s|,\s(?:it|he|she|they)\b|,?\s(?:since|because|as)\b")
VALUES = dict.fromkeys(("true", "correct", "right", "the case"), True) | dict.fromkeys(
    ("false", "incorrect", "untrue", "wrong"), False
)
# "No doubt, "
NO_DOUBT = re.compile(r"no (?:doubt|question)(?: about it)?[,:]?\s(?:that\s)?", re.IGNORECASE)
# What may stand before a truth value
LEADING = re.compile(
    # "So ", "According to the passage, ", "The answer is "
    rf"(?:{phrases.CONNECTIVE}|(?:according to|based on|from|given) [^,]{{1,80}},\s+"
    r"|the answer is:?\s+"
    # "Clearly, ", "actually ", "I'd go with "
    r"|(?:definitely|certainly|clearly|absolutely|actually|in fact|most likely),?\s+(?!not)"
    # "Strange as it sounds, "
    r"|\w+ as (?:it|this|that) (?:may )?(?:sounds?|seems?), "
    r"|(?:i'd (?:answer|go with)|i choose|i'm going with)\s+"
    # "Unlike fish, which have gills, "
    r"|unlike [^,]{1,60}(?:, which [^,]{1,40})?, "
    # "I have to say " and "so it's a clear " before a "yes" at the end
    r"|(?:i(?:'d| would| will|'ll)? (?:have to |must )?(?:answer|say|go with)(?: this)?(?: with)? )"
    r"(?:an? )?(?=(?:yes|no)\W*$)"
    r"|(?:so )?(?:(?:it|that)(?:'s| is) )?(?:an? )?"
    r"(?:clear |definite |firm |resounding |simple |plain )?"
    r"(?=(?:yes|no)(?: from me)?\W*$))+",
    re.IGNORECASE,
)
# "; ", ": ", ", so "
LAST_PART = re.compile(
    r"(?:(?:[;:\u2014]|=>)\s+"
    r"|,?\s(?:so|thus|therefore|hence|and so)\b[,:]?\s+(?:[\u2013\u2014-]\s)?)",
    re.IGNORECASE,
)
# An answer in another language is read where it is this word alone
YES_ELSEWHERE = frozenset("oui ja sí si sim da да 是 はい".split())
NO_ELSEWHERE = frozenset("non nein não nee нет 否 いいえ".split())
# "True and False = False"
COMPUTED = re.compile(r"\b(?:true|false)\b.* = (true|false)\W*$", re.IGNORECASE)
CLAUSES = re.compile(r"[;,] (?:and |but |so )?", re.IGNORECASE)
# "it's true that she sang", "it is false that she danced"
FACT_BESIDE = re.compile(
    r"(?:it|this|that)(?:'s| is| was) (?:not )?(?:true|false|incorrect|untrue) that\b",
    re.IGNORECASE,
)
# "; ", ", but "
CONTRAST = re.compile(r"(?:;|,?\s(?:but|while))\s", re.IGNORECASE)
HOLDS = re.compile(
    # "The statement does not hold."
    rf"{SUBJECT}\s(?:(?P<fails>does not hold|doesn't hold|fails)|holds)(?: true)?\W*"
    # "It has been shown to be false."
    rf"|{SUBJECT} (?:has been|is) (?:proven|shown)(?: to be)? (?P<proven>true|false)\W*"
    # "Which makes the claim false."
    r"|(?:this|that|it|which) makes (?:it|(?:the|this) (?:statement|claim)) "
    r"(?P<made>true|false)\W*",
    re.IGNORECASE,
)
NOT_TURNED_ROUND = r"(?<!not )(?<!n't )(?<!than )(?<!nor )"
# For each truth value what says the other one
OPPOSITE = {
    True: re.compile(
        rf"{NOT_TURNED_ROUND}\b"
        r"(?:false|untrue|incorrect|nope|no(?=\s*[.,;!?]|\s*$))(?!\w)(?! to| that| of)",
        re.IGNORECASE,
    ),
    False: re.compile(
        rf"{NOT_TURNED_ROUND}\b(?:true(?! that| of|, )(?! [a-z])|yes)\b(?! or)", re.IGNORECASE
    ),
}
# "The statement "whales are fish"": what is quoted is not said
QUOTED = re.compile(r'(?i)\b(statement|sentence|claim) "[^"\n]{3,300}"')
# "Not true, but " of "Not true, but false"
NOT_BUT = re.compile(r"^not (?:true|false),? but (?=(?:true|false)\b)", re.IGNORECASE)
# ", but it is not" after a first word
BUT_NOT = re.compile(r",?\s?but (?:it|that|this) (?:isn't|is not|wasn't)\b")
DOUBTING = re.compile(
    r"\b(?:if|whether|doubt|says?|said|not (?:think|believe|say|true|false|correct)|n't)\b",
    re.IGNORECASE,
)
# ", even though many people believe the answer is yes", ". (Light does, yes, but sound does not.)"
CONCESSION = re.compile(r",?\s(?:even though|although|though|even if|while)\b.*", re.IGNORECASE)
