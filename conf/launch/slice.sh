#!/usr/bin/env bash
# Train and evaluate a slice of a grid's cells on this machine: every COUNT-th cell from the
# NUMBERth on. Each cell is pushed when it is done. Run it in a clone of its own, whose DVC remote
# holds what the cells begin with:
#   conf/launch/slice.sh PROFILE NUMBER COUNT [GPUS]
# GPUS limits it to cells that use exactly so many: in `paper`, 1 for qwen08b's and 8 for all others.
# Elsewhere `dvc repro --pull` then collects the cells. A slice that was cut off can be run again,
# and goes on where it was.
set -euo pipefail
profile=$1 number=$2 count=$3
python -m tools.compose "$profile"
slice=$(dvc stage list --name-only | python -m tools.cells "$number" "$count" ${4:+"$4"})
while read -r -a stages; do
  [ ${#stages[@]} -gt 0 ] || continue
  # --pull fetches missing deps, and results that another machine has already made, from the remote
  dvc repro --single-item --pull "${stages[@]}" </dev/null
  python -m tools.push "${stages[@]}" </dev/null
done <<<"$slice"
