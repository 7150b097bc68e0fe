"""The words that the graders know: units, scales, and what denies, bounds or takes back a value."""

import re


def any_of(*patterns: str) -> str:
    """A pattern for any of the words in `patterns`, which spaces separate; `_` in a word stands for
    a space.
    """
    words = " ".join(patterns).split()
    return f"(?:{'|'.join(word.replace('_', ' ') for word in words)})"


UNITS = (
    "cm mm km dm nm kgs? mg ml cl dl ft in inch inches foot feet yards? yd miles? mi meters? metres? "
    "centimet(?:er|re)s? millimet(?:er|re)s? kilomet(?:er|re)s? square cubic sq cu units? degrees? deg radians? rad "
    "dollars? cents? usd eur gbp euros? pounds? lbs? ounces? oz grams? kilograms? tons? lit(?:er|re)s? gallons? "
    "hours? hrs? minutes? mins? seconds? secs? days? weeks? months? years? mph kph kmh per mol joules? newtons? "
    "watts? volts? amps? ohms? k?hz mhz"
)
UNIT = any_of(UNITS)
SCALES = {
    **dict.fromkeys(("hundred", "hundreds"), 100),
    **dict.fromkeys(("thousand", "thousands", "k"), 1000),
    **dict.fromkeys(("million", "millions", "mn"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn"), 10**9),
    **dict.fromkeys(("trillion", "trillions"), 10**12),
    **dict.fromkeys(("dozen", "dozens"), 12),
}

_NEGATIONS = (
    "not never whether nowhere neither nor cannot without except unless hardly scarcely anything_but far_from nothing "
    "nobody all_of_them_but"
)
_REJECTIONS = (
    "wrong incorrect invalid false untrue impossible unlikely mistak(?:es?|en) "
    "reject(?:ed|s)? eliminat\\w+ exclud\\w+ rul\\w+_out fails? naive tempting worst "
    "least_(?:likely|correct|plausible|probable) opposite contrary doubt\\w* trap distractor decoy"
)
_OTHERS = (
    "instead_of rather_than (?:might|may|could)_(?:be|have|say|think|pick|seem) someone somebody "
    "(?<!i_)(?<!we_)believes? claimed "
    "believed error one_(?:would|could|might|may) used_to formerly was_going_to (?:would|should)_have_been "
    "unknown no_longer "
    "suppose assume first_guess myth misconception possible_that rumou?r\\w* "
    "(?:he|she|they)_(?:thinks?|says?|claims?) almost second-best next_best runner-up everything_but all_but "
    "often usually"
)
# "Bob says the answer is 5"
_SAID_BY = any_of("says said thinks thought claims claimed guesses chose picked believes")
_NAMED = rf"(?-i:\b(?!The|This|That|It|He|She|We|They|You|I\b)[A-Z][a-z]+ {_SAID_BY}\b)"
_OTHER_LANGUAGES = "nicht kein\\w* pas ne \u043d\u0435"
_PEOPLE = any_of("everyone everybody many most some people students others")
_BELIEVE = any_of("would might may thinks? says? picks? chooses? guess believes? assumes?")
# Said of what was not meant, or of what somebody else would say
_DENIAL = re.compile(
    rf"\b{any_of(_NEGATIONS, _REJECTIONS, _OTHERS, _OTHER_LANGUAGES)}\b|n't\b|\\neg|[\u4e0d\u6ca1\u975e]"
    rf"|{_PEOPLE} (?:people |students |of them )?{_BELIEVE}\b|{_NAMED}",
    re.IGNORECASE,
)
_NO_DENIAL = re.compile(
    r"\b(?:no|(?:without|beyond)(?: an?| any)?) (?:doubt|question)(?: about it)?\b|\bnot only\b",
    re.IGNORECASE,
)

_MISTAKEN = any_of("wrong incorrect false naive tempting rejected worst invalid")
_CLAIMED = any_of("answers? values? results? totals? guess choice option number solution")
_DENIED_CLAIM = re.compile(
    r"^\W*(?:so |thus |therefore,? )?(?:it|this|that)(?: is|'s| was) (?:not|false|wrong|incorrect|untrue|impossible)\b"
    r"|\bnot true\b|\bmistake\b|\bdoubt\w*"
    rf"|\b{_MISTAKEN} (?:\w+ )?{_CLAIMED}\b|\b{any_of(_OTHERS)}\b"
    rf"|{_PEOPLE} (?:people |students |of them )?{_BELIEVE}\b|{_NAMED}",
    re.IGNORECASE,
)
# Leaves the answer open
UNDECIDED = re.compile(
    r"\b(?:can't|cannot|can not|don't|do not|couldn't) (?:tell|say|decide|know|determine|compute|solve|choose)\b"
    r"|\b(?:un|not )sure\b|\bwhichever\b|\b(?:i|we) have no (?:final )?answer\b"
    r"|\b(?:can't|cannot|can not) be (?:right|correct)\b"
    r"|\bunable to (?:decide|choose|determine|resolve|find (?:the|my) (?:mistake|error))\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    r"\bnot (?!only\b|just\b|all\b)(?:\S{1,20}(?: [a-z]{1,12})?),? but (?:rather |actually |is )?(?=\S)",
    re.IGNORECASE,
)
# Begins the reasons of an answer that stands before them
EXPLAINS = re.compile(
    r"(?:explanation|reason(?:ing)?|justification|rationale|here(?:'s| is) why)\s?:", re.IGNORECASE
)
# Ends a check: what it began with "wait" or "let me check" has found nothing
CONFIRMED = re.compile(
    r"(?:\b(?:yes|so),? (?:that(?:'s| is)|it(?:'s| is)) (?:right|correct)|\bthat(?:'s| is) (?:right|correct)|\u2713"
    r"|\bcorrect|\bconfirmed|\bverified|\bchecks out|\b(?:it|they|that) (?:matches|agrees?))\W*$",
    re.IGNORECASE,
)
_SENTENCE_START = r"(?:[.!?;)\n\u2014\u2013]|\.\.\.|\s-)\s*"
# Takes back what was said before it, at the start of a sentence
RETRACTED = re.compile(
    rf"(?:^|{_SENTENCE_START})(?:and |but |oh,? |ah,? |no,? |so |sorry,? |typo,? )*(?:"
    r"wait(?=\s?[,.:;!?\u2014-]|\s(?:no|that|i|let|actually|a (?:minute|second|moment)|it|there|so)\b)"
    r"|(?:oops|hold on|scratch that|strike that|correction|corrected|edit|hmm+|never ?mind|my mistake|apolog\w+"
    r"|i apologi[sz]e"
    r"|(?:up)?on (?:second thought|reflection|review|closer)|reconsidering|re-?reading|i mean|or rather)\b"
    r"|let me (?:re|double|correct|fix|check|try|redo|start over)"
    r"|i (?:was wrong|misread|miscalculated|take that)|i(?:'ve| have)? (?:made|forgot|forgotten|meant)\b"
    r"|(?:that|this|it)(?: is|'s| was) (?:wrong|incorrect|not (?:right|correct)|a mistake))"
    r"|[,(]\s*(?:wait|no,? wait|oops|sorry|scratch that|i mean|or rather)\b"
    r"|^\W{0,6}but (?:that|this|it) (?:is|was) (?:wrong|incorrect|not)\b",
    re.IGNORECASE,
)
# Takes it back where another value follows
OBJECTION = re.compile(
    rf"(?:{_SENTENCE_START}|,\s*(?=(?:but|however|though|yet|actually)\b))"
    r"(?:but|however|actually|sorry|though|yet|no(?=[,:.])|still|it should(?: actually)? be|in fact|rather|instead"
    r"|then (?:(?:we|you|i|he|she|they) )?(?:add|subtract|multiply|divide))\b",
    re.IGNORECASE,
)
# Begins a sentence that says nothing of the answer: "I hope this helps.", "Let me know if you have
# questions."
CHATTER = re.compile(
    r"(?:and |so )?(?:i(?:'m| am| hope| think| believe| trust| have)\b|hope\b|let (?:me|us) know|please\b|feel free"
    r"|if you(?:'d| have| need| want| would)\b|happy\b|thank|good luck|done\b|q\.?e\.?d|does (?:that|this)|would you"
    r"|is there anything|have a (?:nice|great|good)|cheers|you're welcome|glad\b|great\b|hooray|explanation:?$|end of"
    r"|that(?:'s| is| was) (?:it|all|the)\b|this (?:is|was) (?:the|my|our)\b"
    r"|this (?:completes|concludes|shows|confirms|gives|answers|solves|makes)\b)",
    re.IGNORECASE,
)
# "Feel free to ask if anything about the 3 rooms is unclear!"
INVITES = re.compile(
    r"(?:please )?(?:feel free|let me know|do(?:n't| not) hesitate)\b.*\b(?:ask|know|reach|if)\b",
    re.IGNORECASE,
)
# Begins a sentence that checks what was said before it
CHECK = re.compile(
    r"\W*(?:check|verification|verify|proof|indeed|substituting back|as a check|to (?:check|verify|double[- ]check)"
    r"|(?:we|you|let's|let us) (?:can )?(?:also )?(?:check|verify)|this is (?:correct|right) because"
    r"|(?:then .{1,40}, )?and indeed)\b"
    r"|.*=.*\(correct\)\s*$",
    re.IGNORECASE,
)
# Begins a sentence that concludes nothing
SUPPOSES = re.compile(
    r"(?:recall|note|notice|remember|suppose|assume|consider|let|if|for example|for instance|unless|imagine|given"
    r"|(?:in )?(?:the )?(?:first |second |third |last )?case(?! of)"
    r"|first(?:ly)?(?!.*\b(?:so|then|finally)\b)"
    r"|(?:(?:then|now|next|we|need|have|to) )*(?:add|subtract|divide|multiply|take)\b(?!.*(?:\bget|\bgives?\b|=)))\b",
    re.IGNORECASE,
)
_CONNECTIVES = (
    "so thus hence therefore then finally and overall clearly now altogether in_total in_all in_conclusion in_summary "
    "as_a_result consequently accordingly it_follows_that total result step_\\d{1,2} conclusion final ok(?:ay)? well "
    "in_short to_sum_up ultimately in_other_words simply_put obviously undoubtedly response "
    "(?:final_)?(?:verdict|decision|judge?ment) "
    "to_answer_the_question (?:we|it)_can(?:_be)?_concluded?_that this_shows_that (?:we|one)_can_say_that "
    "without_a_doubt "
    "by_(?:process_of_)?elimination "
    "indeed simply just i_think i_believe i'd_say i_would_say we_(?:conclude|see|find|know)_that "
    "in_fact (?:this|which)_means(?:_that)?"
)
CONNECTIVE = (
    rf"{any_of(_CONNECTIVES)}\b[,:.]?\s*(?:[\u2013\u2014-]\s)?"
    r"|(?:a|letter|q:[^\n]{1,200}?\ba):\s+|=>\s*|[:=\u2022]\s+"
)
# What a sentence may begin with before it concludes: "So, in total,"
LEADING = re.compile(
    rf"(?:{CONNECTIVE}|{any_of('yes definitely certainly')}\b[,:.]?\s*)+", re.IGNORECASE
)

_STYLES = "text mbox mathrm textbf textrm textit textsf mathbf mathit mathsf bm boldsymbol operatorname emph underline"
_STYLED = re.compile(rf"\\{any_of(_STYLES)} ?\{{([^{{}}]{{0,400}})\}}")


def denies(text: str) -> bool:
    """Whether `text` says that what it speaks of is not so, or is only somebody's thought."""
    return _DENIAL.search(_NO_DENIAL.sub(" ", text)) is not None


def rejects(before: str) -> bool:
    """Whether the words before a value deny it or give it as a mistake; "who don't like maths"
    before it does not.
    """
    before = _NO_DENIAL.sub(" ", before)
    nearest = re.sub(r"\b(?:without|except)\b", " ", " ".join(before.split()[-3:]))
    if re.search(r"\bleast\s*$", before, re.IGNORECASE):  # "the least correct answer is"
        return True
    return _DENIAL.search(nearest) is not None or _DENIED_CLAIM.search(before) is not None


def without_contrast(text: str) -> str:
    """A statement without what it says the value is not: "36" for "not 40, but 36"."""
    return _CONTRAST.sub("", text)


def has_text(formula: str) -> bool:
    r"""Whether \text{} or the like stands in a formula."""
    return _STYLED.search(formula) is not None


def without_text(formula: str, space: str = " ") -> str:
    r"""Its \text{} and the like replaced by what they hold, `space` around it; two levels deep."""
    for _ in range(2):
        formula = _STYLED.sub(rf"{space}\1{space}", formula)
    return formula


def without_leading(sentence: str) -> str:
    """A sentence without the words that only connect it to what was before it."""
    return LEADING.sub("", sentence, count=1) if LEADING.match(sentence) else sentence
