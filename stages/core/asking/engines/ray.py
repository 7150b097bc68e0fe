"""Replicas of a local engine on a Ray cluster, through Ray Data.

Each actor holds the model and answers batches. This is for many machines, or for many GPUs with a
replica each. A model that is larger than one machine needs vLLM's own Ray executor instead:
`engine: vllm` with `distributed_executor_backend: ray` among its options.
"""

import itertools
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.core.asking import engines
from stages.core.asking.engines import Model, Output, Request, Sampling
from stages.core.program.errors import StageError
from stages.core.program.params import Amount, Positive

PARAMS_PATH = "inference.run"


@dataclass(frozen=True)
class RaySettings:
    """How many replicas there are, and what each takes.

    `run` is the inference section of each replica; `cpus` and `gpus` are what one takes. `address`
    is the cluster's: auto finds the one that this machine belongs to, null starts one for this
    stage alone, which other machines cannot reach.
    """

    run: dict[str, Any]
    replicas: Positive = 1
    cpus: Amount = 1.0
    gpus: Amount = 0.0
    batch_size: Positive = 64
    # Requests that are handed to Ray together; the replicas load the model for each chunk
    chunk: Positive = 131072
    address: str | None = "auto"

    def __post_init__(self) -> None:
        if self.run.get("engine") not in ("scripted", "transformers", "vllm"):
            raise StageError("run.engine: expected scripted, transformers or vllm")

    @property
    def renders(self) -> bool:
        """Whether prompts go in as messages: as its replicas take them."""
        return bool(engines.settings(self.run, PARAMS_PATH)[1].renders)

    def shape(self) -> dict[str, Any]:
        """What of this shapes an answer: what shapes it in a replica."""
        shape: dict[str, Any] = engines.settings(self.run, PARAMS_PATH)[1].shape()
        return shape


class Replica:
    """Runs on a worker: the engine, and batches of requests as Ray Data hands them on."""

    def __init__(self, model: Model, run: dict[str, Any]) -> None:
        self.engine = engines.load(model, run, PARAMS_PATH)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """A column of requests to a column of (key, output). Both hold JSON."""
        requests = [_request(json.loads(row)) for row in batch["item"]]
        answered = self.engine.generate(requests)
        rows = []
        for request, output in answered:
            rows.append(json.dumps([request.key, asdict(output)]))
        return {"item": rows}


def _request(fields: dict[str, Any]) -> Request:
    """A request of its fields, which were a JSON object on the way to the worker."""
    sampling = Sampling(**fields["sampling"])
    return Request(**fields | {"sampling": sampling})


class RayEngine:
    """Joins the cluster when it is made."""

    def __init__(self, model: Model, settings: RaySettings) -> None:
        self.model = model
        self.settings = settings
        # Ray reads this when it is imported, and then listens on loopback instead of all interfaces
        is_private = settings.address is None  # a cluster of this stage alone
        if is_private:
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        import ray
        import ray.data

        code = Path(__file__).parents[3]  # stages/, which the workers of other machines are sent
        try:
            ray.init(
                address="local" if is_private else settings.address,
                include_dashboard=False if is_private else None,
                ignore_reinit_error=True,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"py_modules": [str(code)]},
            )
        except (ConnectionError, ValueError) as error:
            raise StageError(
                f"inference.address: no Ray cluster at {settings.address!r}: {error}; start one "
                "with `ray start --head`, or set address: null for one of this stage's own"
            ) from error
        ray.data.DataContext.get_current().enable_progress_bars = False
        self.data: Any = ray.data
        self.errors = (ray.exceptions.RayError,)

    def swap(self, model: Model) -> None:
        """The next replicas load `model`: they are made anew for each call of `generate`."""
        self.model = model

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) as batches come back.

        Ray gives a batch whose worker died to another worker.
        """
        waiting = iter(requests)
        while chunk := list(itertools.islice(waiting, self.settings.chunk)):
            rows = [{"item": json.dumps(asdict(request))} for request in chunk]
            # A block for each batch (rounded up), so that each batch comes back by itself
            batch_count = -(-len(rows) // self.settings.batch_size)
            blocks = self.data.from_items(rows, override_num_blocks=batch_count)
            answered = blocks.map_batches(
                Replica,
                fn_constructor_args=(self.model, self.settings.run),
                batch_size=self.settings.batch_size,
                compute=self.data.ActorPoolStrategy(size=self.settings.replicas),
                num_cpus=self.settings.cpus,
                num_gpus=self.settings.gpus,
            )
            request_by_key = {request.key: request for request in chunk}
            try:
                for row in answered.iter_rows():
                    key, output = json.loads(row["item"])
                    yield request_by_key[key], Output(**output)
            except self.errors as error:
                raise StageError(
                    f"inference.run: a replica failed on Ray: {_last_line(error)}"
                ) from error


def _last_line(error: BaseException) -> str:
    """The line of a worker's traceback that says what went wrong.

    It is our own error's, else that of the last exception.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # ValueError: ..., stages.core.program.errors.StageError: ...
    exceptions = [line for line in lines if re.match(r"[\w.]+(?:Error|Exception)\b.*: ", line)]
    our_errors = [line for line in exceptions if line.startswith("stages.")]
    candidates = our_errors or exceptions or lines or [type(error).__name__]
    return candidates[-1]
