"""The openai engine against servers on loopback, whole ones and harmful ones."""

import email.utils
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from stages.core.asking.engines import Model, Output, Request, Sampling
from stages.core.asking.engines.openai import OpenAIEngine
from stages.core.asking.engines.openai_responses import retry_after
from stages.core.asking.engines.options import OpenAISettings
from stages.core.program.errors import StageError
from tests.servers import FAULTS, SCRIPT, Server, by_script, chat_response, proxy, scripted, serving

SAMPLING = Sampling(64, temperature=0.7, top_p=0.9)
MODEL = Model("teacher")
REQUESTS = [Request(f"key{n}", f"{n} + 1 =", seed=n, sampling=SAMPLING) for n in range(12)]


def engine(url: str, **changes: Any) -> OpenAIEngine:
    """An engine in a hurry."""
    made = OpenAISettings(
        base_url=url, concurrency=4, timeout=1.0, tries=4, patience=0, longest_pause=0.05
    )
    return OpenAIEngine(MODEL, replace(made, **changes))


@pytest.fixture
def server() -> Iterator[Server]:
    """The scripted server."""
    with serving() as found:
        yield found


def written(request: Request) -> tuple[str | None, str]:
    """(reasoning, text) that the scripted server answers."""
    return scripted.write(str(request.prompt), SCRIPT, request.seed)


def test_every_request_is_one_call_with_its_seed(server: Server) -> None:
    found = dict(engine(server.url).generate(REQUESTS))
    assert {(output.reasoning, output.text) for output in found.values()} == {
        written(one) for one in REQUESTS
    }
    assert all((found[one].reasoning, found[one].text) == written(one) for one in REQUESTS)
    assert {output.finish_reason for output in found.values()} == {"stop"}
    assert {output.prompt_tokens for output in found.values()} == {5}
    assert sorted(body["seed"] for body in server.bodies) == list(range(12))


def test_every_sampling_field_is_sent(server: Server) -> None:
    list(engine(server.url, extra={"reasoning_effort": "high"}).generate(REQUESTS[:1]))
    (body,) = server.bodies
    assert body == {
        "model": "teacher",
        "messages": [{"role": "user", "content": "0 + 1 ="}],
        "seed": 0,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": -1,  # off: SGLang refuses 0
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_completion_tokens": 64,
        "reasoning_effort": "high",
    }


def test_plain_protocol_leaves_out_what_vendors_refuse(server: Server) -> None:
    plain = engine(server.url, beyond_protocol=False)
    list(plain.generate(REQUESTS[:1]))
    assert not {"top_k", "min_p", "repetition_penalty"} & set(server.bodies[0])
    with pytest.raises(
        StageError, match=r"sampling.top_k: a server without beyond_protocol cannot be asked for it"
    ):
        list(plain.generate([replace(REQUESTS[0], sampling=replace(SAMPLING, top_k=20))]))


def test_completions_take_the_ids_of_the_prompt() -> None:
    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        choice = {
            "index": 0,
            "text": "<think>a</think>b",
            "finish_reason": "length",
            "logprobs": None,
        }
        usage = {"prompt_tokens": 3, "completion_tokens": 64, "total_tokens": 67}
        return 200, chat_response("") | {
            "choices": [choice],
            "usage": usage,
            "object": "text_completion",
        }

    with serving(respond) as server:
        asked = Request("key", [5, 6, 7], 3, SAMPLING)
        found = list(engine(server.url, api="completions").generate([asked]))
    assert found == [(asked, Output("<think>a</think>b", "length", 3, 64, None))]
    assert (server.bodies[0]["prompt"], server.bodies[0]["max_tokens"]) == ([5, 6, 7], 64)
    assert server.bodies[0]["skip_special_tokens"] is True


def test_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "a secret")
    list(engine(server.url, key_variable="MY_KEY").generate(REQUESTS[:1]))
    assert server.headers[0]["authorization"] == "Bearer a secret"


@pytest.mark.parametrize("status", [400, 401, 500, 200])
def test_key_that_a_server_repeats_is_shown_nowhere(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "sk-0123456789")
    for room in (0, 180, 270):  # where a message is cut
        body = {
            "error": {"message": "x" * room + " key sk-0123456789 " + "y" * 10**5},
            "choices": [],
        }
        with serving(lambda _, body=body: (status, body)) as server:  # type: ignore[misc]
            try:
                said = next(
                    iter(engine(server.url, key_variable="MINE", tries=1).generate(REQUESTS[:1]))
                )[1].text
            except StageError as error:
                said = str(error)
        assert "sk-01" not in said
        assert len(said) < 900
        assert room or "key [MINE] y" in said


@pytest.mark.parametrize("concurrency", [1, 3])
def test_calls_under_way_are_bounded(concurrency: int) -> None:
    with serving(delay=0.05) as server:
        assert len(list(engine(server.url, concurrency=concurrency).generate(REQUESTS))) == 12
    assert server.most == concurrency


def test_requests_are_drawn_as_there_is_room() -> None:
    drawn = []

    def source() -> Iterator[Request]:
        for request in REQUESTS:
            drawn.append(request)
            yield request

    with serving() as server:
        stream = engine(server.url, concurrency=2).generate(source())
        next(stream)
        assert len(drawn) <= 4
        stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_field_of_either_name(field: str) -> None:
    with serving(lambda body: (200, chat_response("b", **{field: "a"}))) as server:
        ((_, output),) = engine(server.url).generate(REQUESTS[:1])
    assert (output.reasoning, output.text) == ("a", "b")


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_that_passes_changes_no_answer(server: Server, fault: str) -> None:
    with proxy(server, [fault] * 3) as harmful:
        found = dict(engine(harmful.url).generate(REQUESTS))
    assert all((found[one].reasoning, found[one].text) == written(one) for one in REQUESTS)
    assert len(found) == 12
    paid_again = 3 if fault == "truncated" else 0  # the server had answered
    assert len(server.bodies) == 12 + paid_again


def test_faults_of_all_kinds_in_a_row(server: Server) -> None:
    with proxy(
        server, [fault for fault in FAULTS if fault not in ("stall", "429 retry after")] * 2
    ) as harmful:
        found = dict(engine(harmful.url, tries=30).generate(REQUESTS))
    assert all((found[one].reasoning, found[one].text) == written(one) for one in REQUESTS)


def test_retry_after_is_waited_for(server: Server) -> None:
    with proxy(server, ["429 retry after"]) as harmful:
        list(engine(harmful.url).generate(REQUESTS[:1]))
    first, second = harmful.times
    assert second - first >= 1.0  # longest_pause is 0.05


def test_server_that_stays_away_ends_in_one_line_after_what_it_answered(server: Server) -> None:
    with proxy(server, [None] * 5 + ["500"] * 100) as harmful:
        stream, found = engine(harmful.url).generate(REQUESTS), []
        complaint = r"requests had no answer after 4 tries for teacher: InternalServerError.*run the stage again"
        with pytest.raises(StageError, match=complaint):
            found.extend(stream)  # list.extend keeps what came before the error
        assert len(harmful.times) < 5 + 4 * 12  # it did not go through all requests
    assert [output.finish_reason for _, output in found].count("stop") == 5


def poisoned(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A server that one prompt crashes."""
    return (500, {"error": {"message": "crash"}}) if body["seed"] == 3 else by_script(body)


def test_prompt_that_crashes_its_server_does_not_keep_the_others_from_an_answer() -> None:
    with serving(poisoned) as server:
        stream, found = engine(server.url).generate(REQUESTS), []
        with pytest.raises(
            StageError, match=r"1 requests had no answer after 4 tries.*set inference.skip_failed"
        ):
            found.extend(stream)
        assert {request.key for request, output in found if output.finish_reason == "stop"} == {
            request.key for request in REQUESTS if request.seed != 3
        }
        skipped = dict(engine(server.url, skip_failed=True).generate(REQUESTS))
    assert skipped[REQUESTS[3]].finish_reason == "failed"
    assert len(skipped) == 12


def test_patience_outlasts_the_tries(server: Server) -> None:
    with proxy(server, ["500"] * 20) as harmful:
        found = list(engine(harmful.url, patience=30).generate(REQUESTS[:1]))
    assert [output.finish_reason for _, output in found] == ["stop"]


def test_no_server_at_all() -> None:
    with serving() as gone:
        pass
    with pytest.raises(
        StageError, match=r"had no answer after 4 tries for teacher: APIConnectionError"
    ):
        list(engine(gone.url).generate(REQUESTS[:1]))


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (
            401,
            {"error": {"message": "bad key"}},
            "no answer for teacher: AuthenticationError.*bad key.*read from OPENAI_API_KEY",
        ),
        (
            404,
            {"error": {"message": "no model teacher"}},
            "no answer for teacher: NotFoundError.*no model teacher",
        ),
        (
            429,
            {"error": {"message": "pay", "code": "insufficient_quota"}},
            "teacher: RateLimitError.*pay",
        ),
    ],
)
def test_what_no_further_try_mends_is_not_tried_again(
    status: int, body: dict[str, Any], complaint: str
) -> None:
    with serving(lambda _: (status, body)) as server, pytest.raises(StageError, match=complaint):
        list(engine(server.url, concurrency=1).generate(REQUESTS))
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, {"message": "flagged"}, "refused"),
        (403, {"message": "moderated"}, "refused"),
        (422, {"message": "odd"}, "refused"),
        (400, {"message": "too many", "code": "context_length_exceeded"}, "too_long"),
        (400, {"message": "This model's maximum context length is 10 tokens."}, "too_long"),
    ],
)
def test_refusal_of_one_request_is_its_outcome(
    status: int, error: dict[str, Any], outcome: str
) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (status, {"error": error}) if body["seed"] == 3 else by_script(body)

    with serving(respond) as server:
        found = dict(engine(server.url).generate(REQUESTS))
    assert [one.key for one in REQUESTS if found[one].finish_reason != "stop"] == ["key3"]
    assert found[REQUESTS[3]].finish_reason == outcome
    assert error["message"] in found[REQUESTS[3]].text
    assert len(server.bodies) == 12


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("999999", 3600.0),
        ("in 100 s", pytest.approx(100, abs=5)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float) -> None:
    if header == "in 100 s":
        header = email.utils.formatdate(time.time() + 100, usegmt=True)
    response = httpx.Response(
        429, headers={"retry-after": header}, request=httpx.Request("POST", "http://x")
    )
    assert retry_after(openai.RateLimitError("slow down", response=response, body=None)) == seconds
    assert retry_after(ValueError()) == 0.0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"api": "rest"}, "api: 'rest' is unknown"),
        ({"tries": 0}, "tries of 1 or more"),
        ({"concurrency": 0}, "1 or more"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        OpenAISettings("http://x", **changes)
