"""The loaders that stages use read every model of the paper profile in miniature."""

import itertools
import shutil

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from stages.core import tokens
from stages.core.asking import engines
from stages.core.asking.engines import Model, Request, Sampling
from stages.core.asking.shared_engine import swappable_folders
from stages.core.paths import DataPaths
from tests import miniatures
from tests.conftest import Miniature, Project
from tests.miniatures import paper

SERVED = {"engine": "transformers", "dtype": "float32", "batch_size": 4, "attention": "eager"}
CLASSES = {
    "Qwen/Qwen3.5-397B-A17B": "Qwen3_5MoeForCausalLM",
    "Qwen/Qwen3.5-0.8B-Base": "Qwen3_5ForCausalLM",
    "Qwen/Qwen3.5-9B-Base": "Qwen3_5ForCausalLM",
    "openai/gpt-oss-120b": "GptOssForCausalLM",
    "openai/gpt-oss-20b": "GptOssForCausalLM",
    "meta-llama/Llama-3.3-70B-Instruct": "LlamaForCausalLM",
    "meta-llama/Llama-3.1-8B": "LlamaForCausalLM",
    "mistralai/Ministral-3-14B-Instruct-2512": "Mistral3ForConditionalGeneration",
}
LENGTHS = (4, 20, 40, 20)  # of answers, so that rows leave a batch one after another


def test_every_model_of_the_paper_has_its_miniature() -> None:
    profile = paper.profile()
    asked_models = {
        entry["model"]
        for entry in (*profile["teachers"].values(), *profile["compressors"].values())
    }
    trained = {entry["source"]["repo"] for entry in profile["students"].values()}
    assert (
        asked_models | trained
        == set(CLASSES)
        == {name for name in miniatures.MODELS if "/" in name}
    )


@pytest.mark.parametrize("model_id", CLASSES)
def test_folder_has_every_weight_of_its_class_and_no_other(
    miniature: Miniature, model_id: str
) -> None:
    folder = miniature(model_id)
    kind = AutoModelForImageTextToText if "Ministral" in model_id else AutoModelForCausalLM
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert type(model).__name__ == CLASSES[model_id]
    assert not any(info.values()), info
    declared = AutoConfig.from_pretrained(folder).get_text_config()
    table, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert len(table) == len(head) == declared.vocab_size
    assert (head is table) == declared.tie_word_embeddings == (model_id == "Qwen/Qwen3.5-0.8B-Base")


@pytest.mark.parametrize("model_id", CLASSES)
def test_special_tokens_have_their_ids(miniature: Miniature, model_id: str) -> None:
    vocabulary, tokenizer = miniatures.MODELS[model_id].vocabulary, tokens.load(miniature(model_id))
    marks = {**vocabulary.special, **vocabulary.plain}
    assert {token: tokens.ids(tokenizer, token) for token in marks} == {
        token: [marks[token]] for token in marks
    }
    assert set(vocabulary.special) == {
        str(token) for token in tokenizer.added_tokens_decoder.values() if token.special
    }
    text = "So 12 + 3 = 15, therefore\n\nthe answer is 15 \u6f22."
    assert tokenizer.decode(tokens.ids(tokenizer, text)) == text


@pytest.mark.parametrize("model_id", CLASSES)
def test_answers_do_not_depend_on_what_is_beside_them(miniature: Miniature, model_id: str) -> None:
    """Also where layers hold a state in place of keys and values (Qwen3.5), or see a window of them
    (gpt-oss).
    """
    folder = miniature(model_id)
    tokenizer = tokens.load(folder)
    engine = engines.load(Model(str(folder), tokenizer), SERVED, "inference")
    questions = (
        "What is the answer?",
        "It is 12, so",
        "Find the total of these. " * 9,
        "The sum",
    )  # a long one
    requests = [
        Request(text, tokens.ids(tokenizer, text), row_index, Sampling(length, temperature=1.0))
        for row_index, (text, length) in enumerate(zip(questions, LENGTHS, strict=True))
    ]
    together = {request.key: output for request, output in engine.generate(requests)}
    apart = itertools.chain.from_iterable(engine.generate([request]) for request in requests)
    assert together == {request.key: output for request, output in apart}
    assert len({output.text for output in together.values()}) == len(requests)
    assert all(
        torch.is_tensor(weight) and weight.dtype == torch.float32
        for weight in engine.model.parameters()
    )  # type: ignore[attr-defined]


STUDENTS = ("Qwen/Qwen3.5-0.8B-Base", "Qwen/Qwen3.5-9B-Base", "meta-llama/Llama-3.1-8B")


@pytest.mark.parametrize("model_id", STUDENTS)
def test_saved_checkpoints_share_an_engine(
    miniature: Miniature, project: Project, capsys: pytest.CaptureFixture[str], model_id: str
) -> None:
    """Their files are never those of the hub; where they are of another class than the hub's, among
    themselves.
    """
    base, data = project() / "models/tiny", project()
    shutil.copytree(miniature(model_id), base)
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16),
        tokens.load(base),
    )
    saved = [data / "checkpoints" / f"t-{target}-tiny-m-s0" for target in ("raw", "short")]
    for folder in saved:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        assert (folder / "config.json").read_bytes() != (base / "config.json").read_bytes()
    text_alone = "Qwen" in model_id
    assert swappable_folders(DataPaths(data), "tiny") == ([] if text_alone else [base]) + saved
    assert ("models/tiny: config or tokenizer differ" in capsys.readouterr().err) == text_alone
