#!/usr/bin/env bash
# A slice of a grid's cells on this machine: trains and evaluates every COUNT-th cell from the NUMBERth on, and
# pushes each when it is done. Run it in a clone of its own, whose DVC remote holds what the cells begin with:
#   conf/launch/slice.sh PROFILE NUMBER COUNT [GPUS]
# With GPUS it takes those cells alone that use as many: in `paper`, 1 for qwen08b's and 8 for all others.
# Elsewhere `dvc repro --pull` then collects them; a slice that was cut off is run again and goes on.
set -euo pipefail
profile=$1 number=$2 count=$3
python -m tools.compose "$profile"
slice=$(dvc stage list --name-only | python -m tools.cells "$number" "$count" ${4:+"$4"})
while read -r -a stages; do
  [ ${#stages[@]} -gt 0 ] || continue
  # --pull: what is missing of its deps, and what another machine has made of it, come from the remote
  dvc repro --single-item --pull "${stages[@]}" </dev/null
  python -m tools.push "${stages[@]}" </dev/null
done <<<"$slice"
