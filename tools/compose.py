"""Write params.yaml for one profile, as `dvc exp run -S profile=...` does, for a plain `dvc repro`.

All of it is checked before it is written, so that no stage finds a mistake after others were paid
for. Entries with `budgets` become one for each budget, which `dvc exp run` does not do.

Run: python -m tools.compose smoke
"""

import re
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from stages.core.program import params_file
from stages.core.program.errors import StageError
from stages.core.program.files import write_text
from tools import budgets, sections

ROOT = Path(__file__).resolve().parents[1]
# A resolver puts this machine into the params: ${oc.env:HF_TOKEN}, and everything else in braces
# that is more than a reference to another entry. It is refused escaped as well: of two backslashes
# one escapes the other, and an entry that refers to an escaped text resolves it.
_REFERENCE = r"\$\{(?:[^{}]|\$\{[^{}]*\})*"  # ${a.b or ${a.${b}, without what closes it
RESOLVER = re.compile(
    rf"""
      {_REFERENCE}:                          # ${{oc.env:HF_TOKEN
    | \$\{{ (?: [^{{}}] | {_REFERENCE}\}} )* :   # ${{${{name_of_resolver}}:HF_TOKEN
    """,
    re.VERBOSE,
)


def main() -> None:
    """Compose the profile named on the command line; `group.key=value` overrides may follow it.

    Exits with 1 and one line where the profile is unknown or no stage would take its params.
    """
    arguments = sys.argv[1:] or ["default"]
    profile = arguments[0]
    profiles = sorted(path.stem for path in (ROOT / "conf" / "profile").glob("*.yaml"))
    if profile not in profiles:
        listed = ", ".join(profiles)
        sys.exit(f"error: profile {profile!r} is not in conf/profile/; known: {listed}")
    try:
        text = composed(profile, arguments[1:])
        sections.check(params_file.parsed(text))
    except StageError as error:
        line = " ".join(str(error).split()).replace("params.yaml: ", "")
        sys.exit(f"error: profile {profile}: {line}")
    write_text(ROOT / "params.yaml", text)


def composed(profile: str, overrides: list[str]) -> str:
    """The params of a profile as YAML. Raises StageError where Hydra cannot compose them."""
    try:
        with initialize_config_dir(str(ROOT / "conf"), version_base=None):
            config = compose(config_name="config", overrides=[f"profile={profile}", *overrides])
        check(config)
        OmegaConf.resolve(config)
        # Once more: references can spell a resolver's text, which further references then resolve
        check(config)
        text = OmegaConf.to_yaml(config)
        with_budgets = budgets.expanded(params_file.parsed(text))
        return text if with_budgets is None else OmegaConf.to_yaml(with_budgets)
    except StageError:
        raise
    # Hydra, OmegaConf and PyYAML raise errors of many kinds for what a profile's file can hold
    except Exception as error:
        reason = " ".join(str(error).replace(f"{ROOT}/", "").split())
        raise StageError(
            f"cannot be composed: {reason[:400] or type(error).__name__}; mend conf/profile/"
        ) from error


def check(config: Any) -> None:
    """Raises StageError for an entry that asks a resolver, or that lacks its value."""
    unresolved = OmegaConf.to_container(config, resolve=False, throw_on_missing=True)
    text = resolver(unresolved)
    if text:
        raise StageError(
            f"{text}: would put what this machine knows into a file that git holds; write it out"
        )


def resolver(value: Any) -> str | None:
    """The first text in a nest of mappings and lists that asks a resolver, or None."""
    if isinstance(value, str):
        return value if RESOLVER.search(value) else None
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = list(value) + list(value.values())
    elif isinstance(value, list):
        parts = value
    for part in parts:
        text = resolver(part)
        if text:
            return text
    return None


if __name__ == "__main__":
    main()
