"""Every flag on a text that earns it and on one that does not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets import audit
from stages.core.targets.audit import Audit
from tests.made import trace

# A source that derives 40 from 4, 6 and 16, and says so in its fourth sentence
SOURCE = (
    "The shop sells 4 boxes a day, so let me see. In 6 days that makes 4 * 6 = 24 boxes. "
    "Then 16 more boxes are sold on Sunday. 24 + 16 = 40 boxes are sold. So the answer is 40."
)
SHOP: Trace = trace(
    0,
    question="A shop sells 4 boxes a day for 6 days and 16 on Sunday. How many?",
    reasoning=SOURCE,
    answer="The answer is 40.",
    stated="40",
)
GOOD = "4 * 6 = 24 boxes. Then 24 + 16 = 40."
SKY: Trace = trace(
    0,
    question="Which colour has the clear sky at noon?",
    reasoning="Air scatters light. Short waves scatter more than long ones. Blue light has short waves. So it is blue.",
    answer="The answer is blue.",
    stated="blue",
)


@pytest.mark.parametrize(
    ("source", "text", "finish_reason", "flags"),
    [
        (SHOP, GOOD, "stop", ()),
        (SHOP, "", "too_long", ("over_context",)),
        (SHOP, "", "refused", ("refused",)),
        (SHOP, GOOD, "length", ("cut_at_limit",)),
        (SHOP, GOOD, "content_filter", ("unfinished",)),
        (SHOP, "", "length", ("cut_at_limit",)),
        (SHOP, " \n", "stop", ("empty",)),
        (SHOP, "<think>" + GOOD, "stop", ("tags",)),
        (SHOP, GOOD + "<|im_end|>", "stop", ("tags",)),
        (SHOP, "[0a1b2c3d reasoning begins] " + GOOD, "stop", ("tags", "invented_numbers")),
        (SHOP, "I'm sorry, I can't help with that.", "stop", ("refusal", "answer_lost")),
        (SHOP, "As an AI, I reason: " + GOOD, "stop", ("refusal",)),
        (SHOP, "I cannot shorten this. 40.", "stop", ("refusal",)),
        (SHOP, "I cannot be right with 24 alone, so 24 + 16 = 40.", "stop", ()),
        (SHOP, "Here is the shortened reasoning:\n" + GOOD, "stop", ("about_the_task",)),
        (SHOP, "Sure, here you go:\n" + GOOD, "stop", ("about_the_task",)),
        (
            SHOP,
            "The reasoning above says 4 * 6 = 24 and 24 + 16 = 40.",
            "stop",
            ("about_the_task",),
        ),
        (SHOP, "每天卖四箱, 4 * 6 = 24, 24 + 16 = 40.", "stop", ("other_language",)),
        (
            SHOP,
            "Le magasin vend chaque jour quatre cartons pendant une semaine, puis 24 + 16 = 40.",
            "stop",
            ("other_language",),
        ),
        (SHOP, "4 * 6 = 24 boxes, and then some more.", "stop", ("answer_lost",)),
        (SHOP, "It is 40. The boxes are 4 * 6 = 24 and 16.", "stop", ("answer_first",)),
        (
            SHOP,
            "4 * 6 = 24. 24 + 16 = 40, which is 10 less than 50.",
            "stop",
            ("invented_numbers",),
        ),
        (SHOP, SOURCE.replace(" ", "\n"), "stop", ("verbatim",)),
        (SHOP, SOURCE + " Yes, 40 it is.", "stop", ("longer",)),
        (SKY, "Short waves scatter more, and blue light has short waves. So blue.", "stop", ()),
        (SKY, "Short waves scatter more than long ones.", "stop", ("answer_lost",)),
        (SKY, "Blue. Air scatters light, and short waves scatter more.", "stop", ("answer_first",)),
    ],
)
def test_flags(source: Trace, text: str, finish_reason: str, flags: tuple[str, ...]) -> None:
    assert audit.audit(source, text, finish_reason) == flags


@pytest.mark.parametrize(
    ("text", "answer", "wanted"),
    [
        ("so it is 1,000 dollars", "$1000", True),
        ("so 3.50", "3.5", True),
        ("so 13", "3", False),
        (r"gives $\frac{1}{2}$", r"\dfrac{1}{2}", True),
        (r"x = \left( 3, 4 \right)", "(3, 4)", True),
        (r"so $x^n$ it is", "x^n", True),
        ("so x it is", "x^n", False),
        ("so 5 of them", "5 apples", True),
        ("so 6 apples", "5 apples", False),
        ("the speed is high", "P", False),
        ("the short waves", "short waves", True),
        ("the waves", "short waves", True),  # half of its words
        ("the sea", "short waves", False),
        (r"so 1{,}000", "1000", True),
        (r"so 12\,500", "12500", True),
        ("so .5 of it", "0.5", True),
        ("so 0.5 of it", ".5", True),
        ("so it holds", "true", True),  # nobody says it literally
        ("A triangle has P = 3", "P", True),
        ("", "7", False),
    ],
)
def test_states(text: str, answer: str, wanted: bool) -> None:
    assert audit.states(text, answer) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "Rewriting in vertex form gives 24 + 16 = 40.",
        "Here are the steps:\n4 * 6 = 24\n24 + 16 = 40.",
        "We simplify the text book formula: 24 + 16 = 40.",
        "I can't write 24 / 16 as an integer, so 24 + 16 = 40.",
        "1. 4 * 6 = 24 boxes.\n2. 24 + 16 = 40 boxes.",
        "Let me see: 4 * 6 = 24. Wait, and 16, so 40.",
        "**Step 1**: $4 \\times 6 = 24$. **Step 2**: $24 + 16 = \\boxed{40}$.",
        "<b>24</b> + 16 = 40",
        "x < 24 | 16 > 4, so 40",
    ],
)
def test_ordinary_reasoning_is_not_dropped(text: str) -> None:
    assert Audit().reason(audit.audit(SHOP, text, "stop")) is None


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here is a concise version of the trace: 24 + 16 = 40.",
        "Here's the condensed reasoning:\n24 + 16 = 40.",
        "24 + 16 = 40.\n\n(Note: I removed the repeated checks.)",
        "I apologize, but I cannot do this. 40",
        "As an AI language model I cannot reason. 40",
    ],
)
def test_talk_is_dropped(text: str) -> None:
    assert Audit().reason(audit.audit(SHOP, text, "stop")) in ("about_the_task", "refusal")


def test_chinese_of_a_chinese_source_is_no_other_language() -> None:
    source = trace(
        0,
        question="多少箱?",
        reasoning="每天卖四箱,六天共卖出二十四箱。然后星期天又卖十六箱,一共四十箱。",
        stated="四十",
    )
    assert not audit.other_language("六天卖二十四箱,加上十六箱,共四十箱。", source.reasoning)
    assert audit.other_language("In six days there are many boxes sold.", source.reasoning)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Heat moves with the current. So the answer is B.", False),
        ("Heat moves with the current, so (B)", False),
        ("Heat moves with the current: convection.", False),
        ("Heat moves with the current.", True),
        ("Heat moves with the current. So the answer is C.", True),
    ],
)
def test_option_is_kept_by_its_text_or_its_letter(text: str, lost: bool) -> None:
    source = "Options are conduction, convection, radiation. Heat moves with the current, so it is convection, B."
    asked = trace(
        0, question="How does ocean heat move?", reasoning=source, stated="convection", parsed="2"
    )
    assert ("answer_lost" in audit.audit(asked, text, "stop")) is lost


def test_a_page_of_newlines_is_read_in_no_time() -> None:
    began = time.monotonic()
    audit.audit(SHOP, "24 + 16 = 40" + "\n" * 60_000 + "-" * 60_000, "stop")
    assert time.monotonic() - began < 2  # it took minutes when it was quadratic


def test_answer_that_the_source_does_not_state_is_not_lost() -> None:
    silent = trace(0, reasoning="I count on from there, and that is it.", stated="40")
    assert "answer_lost" not in audit.audit(silent, "I count on.", "stop")


def test_source_that_talks_about_the_task_may_be_compressed_so() -> None:
    asks = trace(
        0, question="Shorten it.", reasoning="A shorter version of 4 is 4. So 4.", stated="4"
    )
    assert "about_the_task" not in audit.audit(asks, "A shorter version is 4.", "stop")


@given(
    st.text(max_size=60),
    st.text(min_size=1, max_size=60),
    st.sampled_from(["stop", "length", "refused"]),
)
def test_any_text_is_audited(text: str, reasoning: str, finish_reason: str) -> None:
    flags = audit.audit(trace(0, reasoning=reasoning), text, finish_reason)
    assert list(flags) == [flag for flag in audit.FLAGS if flag in flags]


@given(st.text(alphabet="ab 12.\n", min_size=1, max_size=60))
def test_copy_is_verbatim_and_nothing_else_that_drops(reasoning: str) -> None:
    if reasoning.strip():
        flags = audit.audit(trace(0, reasoning=reasoning), reasoning, "stop")
        assert "verbatim" in flags
        assert Audit().reason(flags) is None


@pytest.mark.parametrize(
    ("drop", "flags", "reason"),
    [
        (audit.DROP, ("verbatim", "longer"), None),
        (audit.DROP, ("empty",), "empty"),
        (audit.DROP, ("tags", "answer_lost"), "tags"),
        (["longer"], ("answer_lost", "longer"), "longer"),
        ([], ("empty",), None),
    ],
)
def test_params_say_which_flags_drop(
    drop: list[str], flags: tuple[str, ...], reason: str | None
) -> None:
    assert Audit(list(drop)).reason(flags) == reason


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(StageError, match="drop: 'short' is no flag; known: over_context, refused"):
        Audit(["short"])
