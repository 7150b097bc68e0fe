"""What denies a value, takes it back, or leaves it open."""

import re

from stages.core.grading.statement.words import any_of

_NEGATIONS = (
    "not never whether nowhere neither nor cannot without except unless hardly scarcely "
    "anything_but far_from nothing nobody all_of_them_but"
)
_REJECTIONS = (
    "wrong incorrect invalid false untrue impossible unlikely mistak(?:es?|en) "
    "reject(?:ed|s)? eliminat\\w+ exclud\\w+ rul\\w+_out fails? naive tempting worst "
    "least_(?:likely|correct|plausible|probable) opposite contrary doubt\\w* trap distractor decoy"
)
# What somebody else thinks, or what was thought before
_OTHER_THOUGHTS = (
    "instead_of rather_than (?:might|may|could)_(?:be|have|say|think|pick|seem) someone somebody "
    "(?<!i_)(?<!we_)believes? claimed "
    "believed error one_(?:would|could|might|may) used_to formerly was_going_to "
    "(?:would|should)_have_been unknown no_longer "
    "suppose assume first_guess myth misconception possible_that rumou?r\\w* "
    "(?:he|she|they)_(?:thinks?|says?|claims?) almost second-best next_best runner-up "
    "everything_but all_but often usually"
)
_SAYS = any_of("says said thinks thought claims claimed guesses chose picked believes")
# "Bob says" the answer is 5; not "It says"
_NAMED_PERSON_SAYS = rf"(?-i:\b(?!The|This|That|It|He|She|We|They|You|I\b)[A-Z][a-z]+ {_SAYS}\b)"
_NOT_IN_OTHER_LANGUAGES = "nicht kein\\w* pas ne \u043d\u0435"
_PEOPLE = any_of("everyone everybody many most some people students others")
_BELIEVE = any_of("would might may thinks? says? picks? chooses? guess believes? assumes?")
# "many students would"
_PEOPLE_BELIEVE = rf"{_PEOPLE} (?:people |students |of them )?{_BELIEVE}\b"
_DENYING_WORD = any_of(_NEGATIONS, _REJECTIONS, _OTHER_THOUGHTS, _NOT_IN_OTHER_LANGUAGES)
# Said of what was not meant, or of what somebody else would say
_DENIAL = re.compile(
    rf"\b{_DENYING_WORD}\b|n't\b|\\neg|[\u4e0d\u6ca1\u975e]"
    rf"|{_PEOPLE_BELIEVE}|{_NAMED_PERSON_SAYS}",
    re.IGNORECASE,
)
# "without any doubt", "not only"
_NO_DENIAL = re.compile(
    r"\b(?:no|(?:without|beyond)(?: an?| any)?) (?:doubt|question)(?: about it)?\b|\bnot only\b",
    re.IGNORECASE,
)
_MISTAKEN = any_of("wrong incorrect false naive tempting rejected worst invalid")
_CLAIMED = any_of("answers? values? results? totals? guess choice option number solution")
_DENIED_CLAIM = re.compile(
    # "So it is not"
    r"^\W*(?:so |thus |therefore,? )?(?:it|this|that)(?: is|'s| was) "
    r"(?:not|false|wrong|incorrect|untrue|impossible)\b"
    r"|\bnot true\b|\bmistake\b|\bdoubt\w*"
    # "a wrong final answer"
    rf"|\b{_MISTAKEN} (?:\w+ )?{_CLAIMED}\b|\b{any_of(_OTHER_THOUGHTS)}\b"
    rf"|{_PEOPLE_BELIEVE}|{_NAMED_PERSON_SAYS}",
    re.IGNORECASE,
)
# "not 40, but " of "not 40, but 36"
_CONTRAST = re.compile(
    r"\bnot (?!only\b|just\b|all\b)(?:\S{1,20}(?: [a-z]{1,12})?),? "
    r"but (?:rather |actually |is )?(?=\S)",
    re.IGNORECASE,
)
# Leaves the answer open
UNDECIDED = re.compile(
    # "I cannot tell"
    r"\b(?:can't|cannot|can not|don't|do not|couldn't) "
    r"(?:tell|say|decide|know|determine|compute|solve|choose)\b"
    # "I am not sure", "we have no answer"
    r"|\b(?:un|not )sure\b|\bwhichever\b|\b(?:i|we) have no (?:final )?answer\b"
    # "there is no single answer", "it depends"
    r"|\bno (?:single|definite|one) answer\b|\bit depends\b"
    # "this can't be right"
    r"|\b(?:can't|cannot|can not) be (?:right|correct)\b"
    # "I am unable to find the mistake"
    r"|\bunable to (?:decide|choose|determine|resolve|find (?:the|my) (?:mistake|error))\b",
    re.IGNORECASE,
)
# Ends a check that began with "wait" or "let me check" and found no mistake
CONFIRMED = re.compile(
    # "Yes, that's right.", "That is correct.", a tick
    r"(?:\b(?:yes|so),? (?:that(?:'s| is)|it(?:'s| is)) (?:right|correct)"
    r"|\bthat(?:'s| is) (?:right|correct)|\u2713"
    # "Confirmed.", "It matches."
    r"|\bcorrect|\bconfirmed|\bverified|\bchecks out|\b(?:it|they|that) (?:matches|agrees?))\W*$",
    re.IGNORECASE,
)
_SENTENCE_START = r"(?:[.!?;)\n\u2014\u2013]|\.\.\.|\s-)\s*"
# "Wait, ", "wait no", "Wait a minute"; not "wait for the bus"
_WAIT = (
    r"wait(?=\s?[,.:;!?\u2014-]"
    r"|\s(?:no|that|i|let|actually|a (?:minute|second|moment)|it|there|so)\b)"
)
_CORRECTS_ITSELF = (
    r"(?:oops|hold on|scratch that|strike that|correction|corrected|edit|hmm+|never ?mind"
    r"|my mistake|apolog\w+|i apologi[sz]e"
    r"|(?:up)?on (?:second thought|reflection|review|closer)|reconsidering|re-?reading|i mean"
    r"|or rather)\b"
)
# Takes back what was said before it, at the start of a sentence
RETRACTED = re.compile(
    rf"(?:^|{_SENTENCE_START})(?:and |but |oh,? |ah,? |no,? |so |sorry,? |typo,? )*(?:"
    rf"{_WAIT}|{_CORRECTS_ITSELF}"
    r"|let me (?:re|double|correct|fix|check|try|redo|start over)"
    # "I misread", "I made a mistake"
    r"|i (?:was wrong|misread|miscalculated|take that)"
    r"|i(?:'ve| have)? (?:made|forgot|forgotten|meant)\b"
    # "That is not right"
    r"|(?:that|this|it)(?: is|'s| was) (?:wrong|incorrect|not (?:right|correct)|a mistake))"
    # "5 (wait, 6)"
    r"|[,(]\s*(?:wait|no,? wait|oops|sorry|scratch that|i mean|or rather)\b"
    r"|^\W{0,6}but (?:that|this|it) (?:is|was) (?:wrong|incorrect|not)\b",
    re.IGNORECASE,
)
# Takes it back where another value follows: "However, it is 6."
OBJECTION = re.compile(
    rf"(?:{_SENTENCE_START}|,\s*(?=(?:but|however|though|yet|actually)\b))"
    r"(?:but|however|actually|sorry|though|yet|no(?=[,:.])|still|it should(?: actually)? be"
    r"|in fact|rather|instead"
    r"|then (?:(?:we|you|i|he|she|they) )?(?:add|subtract|multiply|divide))\b",
    re.IGNORECASE,
)


def denies(text: str) -> bool:
    """Whether `text` says that what it speaks of is not so, or is only somebody's thought."""
    return _DENIAL.search(_NO_DENIAL.sub(" ", text)) is not None


def rejects(before: str) -> bool:
    """Whether the words before a value deny it or give it as a mistake.

    Only the three nearest words may deny it by a single word: "who don't like maths" does not.
    """
    before = _NO_DENIAL.sub(" ", before)
    nearest_words = " ".join(before.split()[-3:])
    nearest_words = re.sub(r"\b(?:without|except)\b", " ", nearest_words)
    if re.search(r"\bleast\s*$", before, re.IGNORECASE):  # "the least correct answer is"
        return True
    return _DENIAL.search(nearest_words) is not None or _DENIED_CLAIM.search(before) is not None


def without_contrast(text: str) -> str:
    """A statement without what it says the value is not: "36" for "not 40, but 36"."""
    return _CONTRAST.sub("", text)
