#!/bin/bash
# Refreshes golden images as a Slurm job array: one element for each image that has work to do, spread over
# the nodes; then, as a job of its own that waits for all of them, the promotion of those that ended well.
# Call it from cron or a timer on a host that can submit jobs:
#   refresh.sh TARGET [sbatch options…]       for example: refresh.sh hub --partition=build
# TARGET is one of the settings' `targets:`; a node pushes what it has built there, and its own store makes it
# current. All nodes see one directory of small text files (the list, logs, exit codes): IMGFORGE_JOBS, else
# ~/imgforge-jobs. An element ends with imgforge's exit code (5: the audit or a verification failed), which
# Slurm keeps (ExitCode=5:0).
set -euo pipefail
target=${1:?usage: refresh.sh TARGET [sbatch options…]}
shift
jobs=${IMGFORGE_JOBS:-$HOME/imgforge-jobs}/$(date +%Y%m%d-%H%M%S)-$$
mkdir -p "$jobs"

# One line for each image: NAME MEMORY(MiB) CPUS. The dearest first, so that it does not start last.
imgforge refresh --list --json --quiet |
    jq -r '.images | sort_by(-.cost.memory)[] | "\(.name) \(.cost.memory / 1048576 | ceil) \(.cost.cpus)"' \
        >"$jobs/images"
count=$(wc -l <"$jobs/images")
[ "$count" -gt 0 ] || { echo "nothing to do"; exit 0; }
memory=$(awk '$2 > max { max = $2 } END { print max + 512 }' "$jobs/images")
cpus=$(awk '$3 > max { max = $3 } END { print max }' "$jobs/images")

cat >"$jobs/element" <<'EOF'
#!/bin/bash
# Interrupted (SIGTERM a minute before the time is up, or preempted): imgforge keeps every finished stage, and
# the same element goes on from there when it runs again.
set -uo pipefail
name=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))s/ .*//p" "$JOBS/images")
imgforge refresh "$name" --json >"$JOBS/$name.json" &
trap 'kill -TERM $!' TERM
wait $!
status=$?
if [ "$status" = 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
if [ "$status" = 0 ]; then
    imgforge images push "$name" "$TARGET" --json >"$JOBS/$name.pushed" || status=$?
fi
echo "$SLURMD_NODENAME" >"$JOBS/$name.node"
echo "$status" >"$JOBS/$name.status"
exit "$status"
EOF

cat >"$jobs/finish" <<'EOF'
#!/bin/bash
# For each image that ended well a job that promotes it in all targets, on the node whose store has it; and a
# line for each image. Ends with the worst exit code of the elements.
set -uo pipefail
worst=0
while read -r name _; do
    status=$(cat "$JOBS/$name.status" 2>/dev/null || echo 1)
    if [ "$status" = 0 ]; then
        generation=$(jq -r .generation "$JOBS/$name.pushed")
        sbatch --parsable --job-name="imgforge-promote-$name" --nodelist="$(cat "$JOBS/$name.node")" \
            --output="$JOBS/$name.promoted.log" "$@" \
            --wrap="imgforge images promote '$name@$generation' --quiet" || status=$?
    fi
    echo "$name: exit code $status"
    [ "$status" -le "$worst" ] || worst=$status
done <"$JOBS/images"
exit "$worst"
EOF
export JOBS=$jobs TARGET=$target
array=$(sbatch --parsable --job-name=imgforge --array=0-$((count - 1)) --cpus-per-task="$cpus" \
    --mem="${memory}M" \
    --requeue --signal=B:TERM@60 --output="$jobs/%a.log" "$@" "$jobs/element")
finish=$(sbatch --parsable --job-name=imgforge-finish --dependency="afterany:$array" \
    --output="$jobs/finish.log" "$@" "$jobs/finish" "$@")
echo "array $array ($count images), promotion $finish, logs in $jobs"
