#!/usr/bin/env bash
# Spread a grid over a Slurm array: each task clones the repository and runs its slice of the cells.
#   sbatch --array=0-7 conf/launch/slurm.sh PROFILE 8
#   sbatch --array=0-19 --gpus-per-node=1 conf/launch/slurm.sh PROFILE 1   # cells that use one GPU
# Before: `dvc repro example_questions && dvc push`, so that the remote has what the cells begin
# with, and commit dvc.lock. After: `dvc repro --pull`.
#SBATCH --job-name=compress-distill
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
set -euo pipefail
repository=${SLURM_SUBMIT_DIR:-$PWD}
work=${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/compress-distill-$SLURM_JOB_ID
git clone --quiet "$repository" "$work"
# The remote's secrets, where they are not in the environment. A link leaves no copy on the node
trap 'rm -f "$work/.dvc/config.local"' EXIT
ln -s "$repository/.dvc/config.local" "$work/.dvc/config.local"
export PATH="$repository/.venv/bin:$PATH" COMPRESS_DISTILL_SCRATCH="$repository/data/scratch"
cd "$work"
conf/launch/slice.sh "$1" "$SLURM_ARRAY_TASK_ID" "$SLURM_ARRAY_TASK_COUNT" ${2:+"$2"}
