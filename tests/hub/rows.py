"""Rows of our own in the form of each data set of conf/profile/paper.yaml: its fields and types.

The forms come from the data sets' cards and viewers on the hub, and from what evaluation harnesses
read.
"""

from typing import Any

LETTERS = "ABCDE"


def row(source: str, number: int) -> dict[str, Any]:
    """A sum in the form of the data set's own rows.

    Different numbers give different questions. The right option is the last one.
    """
    first, second = 11 + number, 20 + 3 * number
    right, wrong = str(first + second), [str(first + second + off) for off in (1, 10, 100)]
    question = f"What is {first} + {second} = ?"
    form = source if source in _FORMS else source.partition("_")[0]
    return _FORMS[form](number, question, right, wrong)


def _gsm8k(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {"question": question, "answer": f"It is <<{right}={right}>>{right}.\n#### {right}"}


def _multiarith(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "question": f"{question} ",
        "chain": f"{right} = {right}",
        "result": float(right),
        "final_ans": right,
    }


def _math(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "problem": question,
        "solution": rf"It is $\boxed{{{right}}}$.",
        "answer": right,
        "subject": "Algebra",
        "level": 1 + number % 5,
        "unique_id": f"train/algebra/{number}.json",
    }


def _arc(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    labels = list("1234" if number % 2 else LETTERS[:4])  # some of ARC's rows count their options
    choices = {"text": [*wrong, right], "label": labels}
    return {"id": f"Q{number}", "question": question, "choices": choices, "answerKey": labels[-1]}


def _gpqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    incorrect = {f"Incorrect Answer {rank}": text for rank, text in enumerate(wrong, 1)}
    return {"Record ID": f"rec{number}", "Question": question, "Correct Answer": right} | incorrect


def _aqua(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    texts = [*wrong, f"{right}000", right]
    options = [f"{letter}){text}" for letter, text in zip(LETTERS, texts, strict=True)]
    return {
        "question": question,
        "options": options,
        "rationale": f"Added up: {right}. E",
        "correct": "E",
    }


def _commonsense(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    choices = {"label": list(LETTERS), "text": [*wrong, f"{right}000", right]}
    return {
        "id": f"{number:032x}",
        "question": question,
        "question_concept": "sum",
        "choices": choices,
        "answerKey": "E",
    }


def _openbookqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    choices = {"text": [*wrong, right], "label": list(LETTERS[:4])}
    return {
        "id": f"{number}-{number}",
        "question_stem": question,
        "choices": choices,
        "answerKey": "D",
    }


def _medmcqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "question": question,
        "opa": wrong[0],
        "opb": wrong[1],
        "opc": wrong[2],
        "opd": right,
    } | {
        "cop": 3,
        "choice_type": "multi" if number % 3 else "single",
        "exp": None if number % 2 else f"It is {right}.",
        "subject_name": "Physiology",
        "topic_name": None,
    }


def _medqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "question": question,
        "answer": right,
        "options": dict(zip("ABCD", [*wrong, right], strict=True)),
        "meta_info": "step1",
        "answer_idx": "D",
        "metamap_phrases": ["sum"],
    }


def _boolq(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "question": f"is {right} more than one",
        "answer": True,
        "passage": f"{question} {right}.",
    }


def _hellaswag(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    context = {
        "ind": number,
        "activity_label": "Counting",
        "ctx_a": question,
        "ctx_b": "",
        "ctx": question,
    }
    return context | {
        "endings": [*wrong, right],
        "source_id": f"s{number}",
        "split": "val",
        "label": "3",
    }


def _piqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {"goal": question, "sol1": wrong[0], "sol2": right, "label": 1}


def _truthfulqa(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    targets = {"choices": [right, *wrong], "labels": [1, 0, 0, 0]}
    return {"question": question, "mc1_targets": targets, "mc2_targets": targets}


def _winogrande(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {
        "sentence": f"{question} It is _.",
        "option1": wrong[0],
        "option2": right,
        "answer": "2",
    }


def _mmlu(number: int, question: str, right: str, wrong: list[str]) -> dict[str, Any]:
    return {"question": question, "subject": "", "choices": [*wrong, right], "answer": 3}


_FORMS = {
    "gsm8k": _gsm8k,
    "multiarith": _multiarith,
    "math": _math,
    "arc": _arc,
    "gpqa": _gpqa,
    "aqua": _aqua,
    "commonsense": _commonsense,
    "openbookqa": _openbookqa,
    "medmcqa": _medmcqa,
    "medqa": _medqa,
    "boolq": _boolq,
    "hellaswag": _hellaswag,
    "piqa": _piqa,
    "truthfulqa": _truthfulqa,
    "winogrande": _winogrande,
    "mmlu": _mmlu,
}
