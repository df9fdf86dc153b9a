#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Slurm with three pretended nodes on this host, without systemd and without touching /etc.
#   slurm.sh start DIRECTORY   2 to 10 s; leaves DIRECTORY/slurm.conf (export SLURM_CONF)
#   slurm.sh stop DIRECTORY
# Packages: slurmctld slurmd slurm-client munge. As root.
set -euo pipefail

stop() {
    local file pid
    for file in "$1"/*.pid; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$file"
    done
}

free_ports() {
    python3 -c 'import socket
all = [socket.socket() for _ in range(4)]
for s in all: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in all])'
}

start() {
    dir=$(cd "$1" && pwd)
    cd "$dir"
    local ports host node
    read -ra ports < <(free_ports)
    host=$(hostname -s)
    mkdir -p state spool-n1 spool-n2 spool-n3
    dd if=/dev/urandom of=munge.key bs=1024 count=1 status=none
    chmod 400 munge.key
    munged --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munge.pid" \
        --seed-file="$dir/munge.seed" \
        --log-file="$dir/munge.log" --force 2>/dev/null
    cat > slurm.conf <<EOF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
MpiDefault=none
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=2 RealMemory=4096
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=2 RealMemory=4096
NodeName=n3 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[3]} CPUs=2 RealMemory=4096
PartitionName=build Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP
EOF
    export SLURM_CONF=$dir/slurm.conf
    slurmctld -f "$SLURM_CONF"
    for node in n1 n2 n3; do slurmd -f "$SLURM_CONF" -N "$node"; done
    for _ in $(seq 300); do
        [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 3 ] && return 0
        sleep 0.2
    done
    echo "the nodes are not idle after 60 s: $(sinfo -h -o '%D %T' 2>&1)" >&2
    return 1
}

case "${1:-}" in
    start) trap 'stop "$2"' ERR; start "$2" ;;
    stop) stop "$2" ;;
    *) sed -n '3,6s/^# //p' "$0" >&2; exit 2 ;;
esac
