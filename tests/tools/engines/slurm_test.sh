#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pipelines/fleet/slurm/refresh.sh on a real Slurm with three pretended nodes. What runs on them is a stand-in
# for imgforge with its records and exit codes: here the question is what Slurm makes of them.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../../.." && pwd)
. "$source_dir/tests/tools/engines/common.sh"
needs 'slurmctld slurmd slurm-client munge jq' slurmctld slurmd munged sbatch jq
[ "$(id -u)" = 0 ] || skip 'slurmd needs root'
dir=$(mktemp -d /tmp/slurm-test.XXXXXX)
trap '"$source_dir/tests/support/engines/slurm.sh" stop "$dir"; rm -rf "$dir"' EXIT
"$source_dir/tests/support/engines/slurm.sh" start "$dir"
export SLURM_CONF=$dir/slurm.conf IMGFORGE_JOBS=$dir/jobs PATH=$dir/bin:$PATH CALLS=$dir/calls
mkdir -p "$dir/bin"
cat > "$dir/bin/imgforge" <<'EOF'
#!/bin/bash
echo "${SLURMD_NODENAME:-here} $*" >> "$CALLS"
image() {
    printf '{"name": "%s", "action": "update", "cost": {"memory": %s, "cpus": 2, "disk": 1}, "why": "updates"}' \
        "$1" "$2"
}
case "$1 $2" in
    "refresh --list")
        echo "{\"images\": [$(image alpha 1610612736), $(image beta 2147483648),
            $(image gamma 1610612736), $(image delta 1610612736)]}" ;;
    "refresh gamma") sleep 1; echo "audit: a private key was found" >&2; exit 5 ;;
    "refresh "*) sleep 1; echo '{}' ;;
    "images push") echo '{"generation": 7}' ;;
    "images promote") ;;
    *) exit 2 ;;
esac
EOF
chmod +x "$dir/bin/imgforge"

check() {
    local what=$1
    shift
    "$@" || { echo "FAILED: $what"; cat "$CALLS"; scontrol show job; cat "$dir"/jobs/*/finish.log; \
        exit 1; }
    echo "ok: $what"
}
nodes() { grep ' refresh [a-z]' "$CALLS" | cut -d' ' -f1 | sort -u | wc -l; }
ended_with() { scontrol show job "$1" | grep -c "ExitCode=$2:0"; }
pushed() { grep -c 'images push [abd].* hub' "$CALLS"; }
last_promoted() { tail -3 "$CALLS" | grep -c 'images promote [abd].*@7'; }
summary=$("$source_dir/pipelines/fleet/slurm/refresh.sh" hub)
echo "$summary"
array=$(sed -E 's/^array ([0-9]+).*/\1/' <<<"$summary")
finish=$(sed -E 's/.*promotion ([0-9]+),.*/\1/' <<<"$summary")
deadline=$((SECONDS + 120))
until scontrol show job "$finish" | grep -qE 'JobState=(COMPLETED|FAILED)' && [ -z "$(squeue -h)" ]; do
    [ $SECONDS -lt $deadline ] || { echo "FAILED: the last job did not end in 120 s"; squeue; exit 1; }
    sleep 0.5
done
check "four elements ran on more than one node" [ "$(nodes)" -gt 1 ]
check "the failing element keeps exit code 5" [ "$(ended_with "$array" 5)" = 1 ]
check "the three others ended with 0" [ "$(ended_with "$array" 0)" = 3 ]
check "only what ended well was pushed" [ "$(pushed),$(grep -c 'push gamma' "$CALLS")" = 3,0 ]
check "and promoted, after all pushes" [ "$(last_promoted)" = 3 ]
where_it_was_built() {
    local name node
    for name in alpha beta delta; do
        node=$(awk -v name=$name '$2 == "refresh" && $3 == name {print $1}' "$CALLS")
        grep -q "^$node images promote $name@7" "$CALLS" || return 1
    done
}
check "each on the node that has it" where_it_was_built
check "the promotion ends with the worst exit code" [ "$(ended_with "$finish" 5)" = 1 ]
