"""What a sentence begins with, and what that says of it: a conclusion, a check, chatter."""

import re

from stages.core.grading.statement.words import any_of

# Begins the reasons of an answer that stands before them: "Explanation:"
EXPLAINS = re.compile(
    r"(?:explanation|reason(?:ing)?|justification|rationale|here(?:'s| is) why)\s?:", re.IGNORECASE
)
# Begins a sentence that says nothing of the answer
CHATTER = re.compile(
    # "And I hope this helps.", "Let me know if you have questions."
    r"(?:and |so )?(?:i(?:'m| am| hope| think| believe| trust| have)\b|hope\b"
    r"|let (?:me|us) know|please\b|feel free|if you(?:'d| have| need| want| would)\b"
    # "Thank you", "Done.", "Would you like more?"
    r"|happy\b|thank|good luck|done\b|q\.?e\.?d|does (?:that|this)|would you"
    r"|is there anything|have a (?:nice|great|good)|cheers|you're welcome|glad\b|great\b|hooray"
    r"|explanation:?$|end of"
    # "That's it.", "This was my solution.", "This completes the proof."
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
    # "Check:", "To verify,"
    r"\W*(?:check|verification|verify|proof|indeed|substituting back|as a check"
    r"|to (?:check|verify|double[- ]check)"
    # "We can also check", "Then 2 + 3 = 5, and indeed"
    r"|(?:we|you|let's|let us) (?:can )?(?:also )?(?:check|verify)"
    r"|this is (?:correct|right) because"
    r"|(?:then .{1,40}, )?and indeed)\b"
    # "2 + 3 = 5 (correct)"
    r"|.*=.*\(correct\)\s*$",
    re.IGNORECASE,
)
# Begins a sentence that concludes nothing
SUPPOSES = re.compile(
    r"(?:recall|note|notice|remember|suppose|assume|consider|let|if|for example|for instance"
    r"|unless|imagine|given"
    # "In the first case"; not "in case of"
    r"|(?:in )?(?:the )?(?:first |second |third |last )?case(?! of)"
    # "First, add"; not "First we add, so it is"
    r"|first(?:ly)?(?!.*\b(?:so|then|finally)\b)"
    # "Now we need to subtract 3"; not "Now subtract 3 to get 5"
    r"|(?:(?:then|now|next|we|need|have|to) )*(?:add|subtract|divide|multiply|take)\b"
    r"(?!.*(?:\bget|\bgives?\b|=)))\b",
    re.IGNORECASE,
)
_CONNECTIVES = (
    "so thus hence therefore then finally and overall clearly now altogether in_total in_all "
    "in_conclusion in_summary as_a_result consequently accordingly it_follows_that total result "
    "step_\\d{1,2} conclusion final ok(?:ay)? well in_short to_sum_up ultimately in_other_words "
    "simply_put obviously undoubtedly response (?:final_)?(?:verdict|decision|judge?ment) "
    "to_answer_the_question (?:we|it)_can(?:_be)?_concluded?_that this_shows_that "
    "(?:we|one)_can_say_that without_a_doubt by_(?:process_of_)?elimination indeed simply just "
    "i_think i_believe i'd_say i_would_say we_(?:conclude|see|find|know)_that "
    "in_fact (?:this|which)_means(?:_that)?"
)
# "So, ", "Letter: ", "Q: ... A: ", "=> "
CONNECTIVE = (
    rf"{any_of(_CONNECTIVES)}\b[,:.]?\s*(?:[\u2013\u2014-]\s)?"
    r"|(?:a|letter|q:[^\n]{1,200}?\ba):\s+|=>\s*|[:=\u2022]\s+"
)
# What a sentence may begin with before it concludes: "So, in total,"
LEADING = re.compile(
    rf"(?:{CONNECTIVE}|{any_of('yes definitely certainly')}\b[,:.]?\s*)+", re.IGNORECASE
)


def without_leading(sentence: str) -> str:
    """A sentence without the words that only connect it to what was before it."""
    return LEADING.sub("", sentence, count=1) if LEADING.match(sentence) else sentence
