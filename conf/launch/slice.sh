#!/usr/bin/env bash
# A slice of a grid's cells on this machine: trains, evaluates and scores every COUNT-th cell from the NUMBERth on, and
# pushes each when it is done. Run it in a clone of its own, whose DVC remote holds what the cells begin with:
#   conf/launch/slice.sh PROFILE NUMBER COUNT
# Elsewhere `dvc repro --pull` then collects them; a slice that was cut off is run again and goes on.
set -euo pipefail
profile=$1 number=$2 count=$3
python conf/compose.py "$profile"
mapfile -t cells < <(dvc stage list --name-only | sed -n 's/^train@//p' | awk -v n="$number" -v c="$count" 'NR % c == n % c')
for cell in "${cells[@]}"; do
  # --pull: what is missing of its deps, and what another machine has made of it, come from the remote
  dvc repro --single-item --pull "train@$cell" "evaluate@$cell"
  python conf/launch/push.py "train@$cell" "evaluate@$cell"
done
