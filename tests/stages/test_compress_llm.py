"""A model that rewrites traces: its prompt, examples and retries are params, and each answer is paid
for once.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.compress import compressor_of, shorten, shortest
from stages.core import records
from stages.core.asking.answering import Asker
from stages.core.asking.answers import Answer
from stages.core.asking.store import Store
from stages.core.program.errors import StageError
from stages.core.records import Trace, Variant
from stages.core.targets.audit import FLAGS, Audit
from stages.core.targets.compressors import llm, prompts
from stages.core.targets.tally import Measures
from tests.conftest import Miniature, Project
from tests.imports import ROOT
from tests.made import run, trace
from tests.servers import Respond, chat_response, serving

TRACES = [trace(number) for number in range(3)]
RULES = Audit()
BRIEF = "Say it briefly.\n{reasoning}\nThe answer is {answer}.\n"
EXAMPLE = {
    "question": "What is 5 + 5?",
    "reasoning": "Well, 5 and 5. That is 5 + 5 = 10. Sure? 10 - 5 = 5, yes.",
    "answer": "It is 10.",
    "compressed": "5 + 5 = 10.",
}


def config(url: str = "http://127.0.0.1:9/v1", **changes: Any) -> dict[str, Any]:
    """A compressor behind a server."""
    return {
        "kind": "llm",
        "model": "m",
        "context": 9000,
        "sampling": {"max_new_tokens": 99, "temperature": 0.3},
        "inference": {"engine": "openai", "base_url": url, "server": "ours", "concurrency": 1},
    } | changes


def shortened(
    config: dict[str, Any], folder: Path, measures: Measures | None = None
) -> list[Variant]:
    """The variants of TRACES."""
    return list(
        shorten(
            lambda: iter(TRACES),
            config,
            RULES,
            "compressors.mine",
            measures or Measures(),
            folder,
        )
    )


def last_turn(body: dict[str, Any]) -> str:
    """The last message of a request's body."""
    content: str = body["messages"][-1]["content"]
    return content


def sums(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """(200, a good rewrite of one of TRACES)."""
    number = next(n for n in range(3) if f"{n} + 1 = {n + 1}" in last_turn(body))
    return 200, chat_response(f"{number} + 1 = {number + 1}.")


def test_stored_answers_keep_their_keys(tmp_path: Path) -> None:
    """The key is that of October 2026, when the prompt lay beside the code and was no param."""
    compressor = compressor_of(config(system="Be brief.", seed=3), "compressors.mine")
    assert isinstance(compressor, llm.LLM)
    with Store(tmp_path) as store:
        asker = Asker(compressor, store, "compressors.mine", examples=compressor.turns)
        row = TRACES[0]
        message = prompts.render(compressor.template, row.question, row.reasoning, row.answer)
        handle, _ = asker.request(message, 3040235710607226967, 0)
    assert handle.key == "4b210160f9370728b727e2613b5d5129"


def test_prompt_of_the_params_is_sent(tmp_path: Path) -> None:
    with serving(sums) as server:
        shortened(config(server.url, prompt=BRIEF, system="Be exact."), tmp_path)
    assert server.bodies[0]["messages"] == [
        {"role": "system", "content": "Be exact."},
        {
            "role": "user",
            "content": f"Say it briefly.\n{TRACES[0].reasoning}\nThe answer is {TRACES[0].answer}.\n",
        },
    ]


def test_another_prompt_asks_anew_and_the_others_are_stored(tmp_path: Path) -> None:
    with serving(sums) as server:
        first = shortened(config(server.url), tmp_path)
        shortened(config(server.url, prompt=BRIEF), tmp_path)
        assert len(server.bodies) == 6
        assert shortened(config(server.url), tmp_path) == first
        shortened(config(server.url, prompt=BRIEF, examples=[EXAMPLE]), tmp_path)
        assert len(server.bodies) == 9


def test_examples_are_turns_with_prompts_of_their_own(tmp_path: Path) -> None:
    with serving(sums) as server:
        shortened(config(server.url, examples=[EXAMPLE, EXAMPLE]), tmp_path)
    turns = server.bodies[0]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    template = prompts.default_template()
    asked = prompts.render(template, EXAMPLE["question"], EXAMPLE["reasoning"], EXAMPLE["answer"])
    assert [turns[0]["content"], turns[1]["content"]] == [asked, "5 + 5 = 10."]


def test_examples_are_turns_of_a_local_models_template(
    miniature: Miniature, tmp_path: Path
) -> None:
    entry = config(
        model=str(miniature("mistralai/Ministral-3-14B-Instruct-2512")),
        prompt="{reasoning}",
        system="Be brief.",
        date="2026-06-05",
        inference={"engine": "transformers"},
        examples=[EXAMPLE | {"reasoning": "a</s> b", "compressed": "b"}],
    )
    compressor = compressor_of(entry, "compressors.mine")
    assert isinstance(compressor, llm.LLM)
    with Store(tmp_path) as store:
        asker = Asker(compressor, store, "compressors.mine", examples=compressor.turns)
        _, request = asker.request("c", 0, 0)
        prompt = asker.tokenizer.decode(request.prompt)
    assert prompt == (
        "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]a< /s> b[/INST]b</s>[INST]c[/INST]"
    )


def poor_first(good: dict[int, list[str]]) -> Respond:
    """A server that answers the first request of each trace badly, and its retries with `good`."""
    seen = dict.fromkeys(range(3), 0)

    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        text = last_turn(body)
        number = next(n for n in range(3) if f"What is {n} + 1?" in text)
        if "turned down" not in text:
            return 200, chat_response("nothing here" if number in good else "0 + 1 = 1; 2 + 1 = 3.")
        seen[number] += 1
        return 200, chat_response(good[number][seen[number] - 1])

    return respond


def test_shortest_rewrite_that_passes_is_kept(tmp_path: Path) -> None:
    measures = Measures()
    good = {1: ["So 1 + 1 = 2, as I said.", "no", "1 + 1 = 2."], 2: ["no", "never", ""]}
    with serving(poor_first(good)) as server:
        variants = shortened(config(server.url, retries=3), tmp_path, measures)
    assert [(row.reasoning, row.drop_reason) for row in variants] == [
        ("0 + 1 = 1; 2 + 1 = 3.", None),
        ("1 + 1 = 2.", None),
        ("nothing here", "answer_lost"),
    ]
    assert measures.retries.of("sums") == {"attempts": 9, "asked_again": 2, "gained": 1}
    assert (measures.cost.answers, measures.cost.prompt_tokens) == (9, 45)
    assert (measures.retries.cost.answers, measures.retries.cost.prompt_tokens) == (6, 30)
    # Each has a seed of its own, and the fault in its prompt
    assert len({body["seed"] for body in server.bodies}) == 9
    again = [body for body in server.bodies if FLAGS["answer_lost"] in last_turn(body)]
    assert len(again) == 6


def test_what_passes_is_never_asked_again(tmp_path: Path) -> None:
    with serving(sums) as server:
        shortened(config(server.url, retries=3), tmp_path)
    assert len(server.bodies) == 3


def test_retries_that_are_stored_are_not_asked_again(tmp_path: Path) -> None:
    good = {1: ["1 + 1 = 2.", "no"], 2: ["no", "no"]}
    with serving(poor_first(good)) as server:
        first = shortened(config(server.url, retries=2), tmp_path)
        asked = len(server.bodies)
        measures = Measures()
        assert shortened(config(server.url, retries=2), tmp_path, measures) == first
        # Fewer retries take what is there, and the cost is that of what they take
        fewer = shortened(config(server.url, retries=1), tmp_path)
    assert len(server.bodies) == asked == measures.cost.answers == 7
    assert fewer[1].reasoning == "1 + 1 = 2."


def test_stage_that_ends_at_any_call_asks_nothing_twice(tmp_path: Path) -> None:
    def by_prompt(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        passes = "turned down" in last_turn(body) and body["seed"] % 2
        return sums(body) if passes else (200, chat_response("nothing"))

    with serving(by_prompt) as server:
        undisturbed = shortened(config(server.url, retries=2), tmp_path / "undisturbed")
    calls = len(server.bodies)
    assert calls == 9
    paid: list[dict[str, Any]] = []
    for _ in range(calls):  # every run ends at its second call
        with (
            serving(stopping(paid, by_prompt)) as once,
            pytest.raises(StageError, match="no answer"),
        ):
            shortened(config(once.url, retries=2), tmp_path / "killed")
        if len(paid) == calls - 1:
            break
    with serving(by_prompt) as last:
        assert shortened(config(last.url, retries=2), tmp_path / "killed") == undisturbed
    paid += last.bodies
    assert len(paid) == len({(last_turn(body), body["seed"]) for body in paid}) == calls


def stopping(paid: list[dict[str, Any]], respond: Respond) -> Respond:
    """A server that answers its first call, which is noted in `paid`, and refuses the key then."""
    before = len(paid)

    def respond_once(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if len(paid) > before:
            return 401, {"error": {"message": "no such key"}}
        paid.append(body)
        return respond(body)

    return respond_once


def test_many_traces_are_judged_in_order(project: Project) -> None:
    """More than a batch, so that workers choose."""

    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        number = int(last_turn(body).partition("What is ")[2].partition(" ")[0])
        return 200, chat_response(f"{number} + 1 = {number + 1}.")

    traces = sorted((trace(number) for number in range(150)), key=lambda row: row.question_id)
    cell = ["--profile", "test", "--teacher", "solver", "--compressor", "m"]
    with serving(respond) as server:
        inference = config(server.url)["inference"] | {"concurrency": 16}
        root = project(
            compressors={"m": config(server.url, inference=inference)}, audit={"drop": RULES.drop}
        )
        records.write(root / "data/test/traces/solver.parquet", traces, Trace)
        done = run("stages.compress", *cell, cwd=root)
    assert done.returncode == 0, done.stderr
    variants = list(records.read(root / "data/test/compressed/solver/m.parquet", Variant))
    assert [row.question_id for row in variants] == [row.question_id for row in traces]
    assert [row.reasoning for row in variants] == [
        f"{row.question_id[1:]} + 1 = {int(row.question_id[1:]) + 1}." for row in traces
    ]


def test_refused_request_is_no_rewrite_to_ask_again(tmp_path: Path) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "What is 2 + 1?" in last_turn(body):
            return 400, {"error": {"message": "flagged"}}
        return sums(body)

    with serving(respond) as server:
        variants = shortened(config(server.url, retries=3), tmp_path)
    assert [row.drop_reason for row in variants] == [None, None, "refused"]
    assert len(server.bodies) == 3


def test_first_of_equally_short_rewrites_is_kept() -> None:
    texts = ["nothing", "1 + 1 = 2!", "1 + 1 = 2.", "So 1 + 1 = 2."]
    answers = [Answer(reasoning="", text=text, finish_reason="stop") for text in texts]
    assert shortest(TRACES[1], answers, RULES).reasoning == "1 + 1 = 2!"
    assert shortest(TRACES[1], answers[:1], RULES).drop_reason == "answer_lost"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"prompt": "conf/prompts/steps.yaml"}, "mine: prompt: 'conf/prompts/steps.yaml': without"),
        ({"prompt": ""}, "compressors.mine.prompt: ''"),
        ({"prompt": ["{reasoning}"]}, "compressors.mine.prompt: .* is not str"),
        ({"examples": [{"question": "q"}]}, r"compressors.mine.examples.0.reasoning: missing"),
        ({"examples": [EXAMPLE | {"short": "s"}]}, "mine.examples.0.short: unknown entry"),
        ({"examples": [EXAMPLE | {"answer": 3}]}, "mine.examples.0.answer: 3 is not str"),
        ({"examples": [EXAMPLE], "prompt_template": "{question}"}, "examples: they are turns"),
        ({"retries": -1}, "compressors.mine.retries: -1"),
        ({"retries": 101}, "compressors.mine.retries: 101"),
        ({"retries": 2, "sampling": {"max_new_tokens": 9}}, "all retries of a trace are alike"),
    ],
)
def test_bad_params_end_in_one_line(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint) as error:
        compressor_of(config(**changes), "compressors.mine")
    assert "\n" not in str(error.value)


def test_braces_that_name_nothing_stay_in_a_prompt() -> None:
    template = "Box it: \\boxed{2} {reasoning} {resoning}"
    assert prompts.render(template, "", "{answer}", "") == "Box it: \\boxed{2} {answer} {resoning}"


def test_default_prompt_is_a_dep_of_compress() -> None:
    assert str(prompts.DEFAULT.relative_to(ROOT)) in (ROOT / "dvc.yaml").read_text()


def test_command_counts_retries(project: Project) -> None:
    good = {1: ["1 + 1 = 2.", "no"], 2: ["no", "no"]}
    cell = ["--profile", "test", "--teacher", "solver", "--compressor", "m"]
    with serving(poor_first(good)) as server:
        root = project(compressors={"m": config(server.url, retries=2)}, audit={"drop": RULES.drop})
        records.write(root / "data/test/traces/solver.parquet", TRACES, Trace)
        done = run("stages.compress", *cell, cwd=root)
    assert done.returncode == 0, done.stderr
    (counts,) = json.loads((root / "metrics/test/compress/solver-m.json").read_text())[0]["sets"]
    assert {name: counts[name] for name in ("kept", "attempts", "asked_again", "gained")} == {
        "kept": 2,
        "attempts": 7,
        "asked_again": 2,
        "gained": 1,
    }
    cost = json.loads((root / "metrics/test/cost/solver-m.json").read_text())[0]
    assert (cost["answers"], cost["prompt_tokens"]) == (7, 35)
    assert (cost["retries"]["answers"], cost["retries"]["prompt_tokens"]) == (4, 20)
