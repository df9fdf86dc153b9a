#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Glance by itself on the loopback interface, without systemd and without touching /etc; cloud_identity.py
# stands in for Keystone.
#   glance.sh start DIRECTORY   20 to 60 s; leaves DIRECTORY/clouds.yaml with the cloud "lab"
#   glance.sh stop DIRECTORY
# Package: glance-api.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

stop() {
    local file pid
    for file in api.pid identity.pid; do
        [ -s "$1/$file" ] || continue
        pid=$(cat "$1/$file")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$1/$file"
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$1" \
        2>/dev/null
}

start() {
    dir=$(cd "$1" && pwd)
    cd "$dir"
    local api identity
    api=$(free_port)
    identity=$(free_port)
    mkdir -p images tasks staging
    cp /etc/glance/glance-api-paste.ini paste.ini
    cat >> paste.ini <<EOF
[pipeline:glance-api-test]
pipeline = cors healthcheck http_proxy_to_wsgi versionnegotiation identity context rootapp
[filter:identity]
paste.filter_factory = cloud_identity:filter_factory
EOF
    cat > glance.conf <<EOF
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $api
workers = 0
enabled_backends = local:file
node_staging_uri = file://$dir/staging
log_file = $dir/glance.log
[database]
connection = sqlite:///$dir/glance.sqlite
[glance_store]
default_backend = local
[local]
filesystem_store_datadir = $dir/images
[os_glance_tasks_store]
filesystem_store_datadir = $dir/tasks
[os_glance_staging_store]
filesystem_store_datadir = $dir/staging
[paste_deploy]
flavor = test
config_file = $dir/paste.ini
EOF
    cat > clouds.yaml <<EOF
clouds:
  lab:
    auth_type: v3applicationcredential
    auth:
      auth_url: http://127.0.0.1:$identity/v3
      application_credential_id: builder
      application_credential_secret: swordfish
    region_name: here
    interface: public
EOF
    glance-manage --config-file glance.conf db_sync >db_sync.log 2>&1
    python3 "$here/cloud_identity.py" "$identity" "http://127.0.0.1:$api" >identity.log 2>&1 </dev/null &
    echo $! > identity.pid
    PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 glance-api --config-file glance.conf >api.log 2>&1 </dev/null &
    echo $! > api.pid
    for _ in $(seq 600); do
        if answers "$api" && answers "$identity"; then
            return 0
        fi
        kill -0 "$(cat api.pid)" 2>/dev/null || { tail -5 api.log glance.log >&2; return 1; }
        sleep 0.2
    done
    echo "glance-api does not listen on port $api after 120 s" >&2
    return 1
}

case "${1:-}" in
    start) trap 'stop "$2"' ERR; start "$2" ;;
    stop) stop "$2" ;;
    *) sed -n '3,6s/^# //p' "$0" >&2; exit 2 ;;
esac
