#!/bin/bash
# One article, inside its namespaces: a server on the fixed port, the names that the code connects to.
set -euo pipefail
folder=$(mktemp -d)
mount -t tmpfs tmpfs "$folder"
cat >"$folder/hosts" <<'NAMES'
127.0.0.1 localhost nats.internal nats-1.internal nats-2.internal
127.0.0.1 nats.internal.svc.cluster.local nats.prod-us-east-1.svc.cluster.local
NAMES
mount --bind "$folder/hosts" /etc/hosts
cat >"$folder/server.conf" <<CONFIG
port: 4222
http_port: 8222
jetstream {
  store_dir: "$folder/jetstream"
  max_memory_store: 1GB
  max_file_store: 20GB
}
CONFIG
"$SERVER" -c "$folder/server.conf" 2>"$folder/log" &
server=$!
trap 'kill -9 $server; wait $server || true; umount /etc/hosts; cd /; umount -l "$folder"; rmdir "$folder"' EXIT
for _ in $(seq 500); do (: </dev/tcp/127.0.0.1/4222) 2>/dev/null && break; sleep 0.02; done

has() { grep -qE "$1" <<<"$output" || { echo "not in the output: $1"; echo "$output"; exit 1; }; }

case $1 in
  commands)
    # --durable does not exist in the CLI; --defaults answers its questions.
    nats stream add ORDERS --subjects "orders.>" --storage file --retention limits --max-age 24h --replicas 1 --defaults
    nats consumer add ORDERS fulfillment-worker --pull --deliver all --ack explicit --max-deliver 5 --defaults
    nats pub orders.placed '{"order_id": "ORD-1001", "sku": "WIDGET-42"}'
    nats pub orders.placed '{"order_id": "ORD-1002", "sku": "GADGET-7"}'
    nats pub orders.shipped '{"order_id": "ORD-1001", "tracking": "1Z9999W99999999999"}'
    output=$(nats stream info ORDERS)
    has 'Messages: 3'
    has 'Bytes: 2[0-9][0-9] B'
    output=$(nats consumer next ORDERS fulfillment-worker --count 3)
    has 'ORD-1002'
    has '1Z9999W99999999999'
    kill -9 $server
    wait $server || true
    "$SERVER" -c "$folder/server.conf" 2>>"$folder/log" &
    server=$!
    for _ in $(seq 500); do (: </dev/tcp/127.0.0.1/4222) 2>/dev/null && break; sleep 0.02; done
    output=$(nats consumer info ORDERS fulfillment-worker)
    has 'Unprocessed Messages: 0'
    output=$(curl -s http://localhost:8222/jsz)
    has '"max_storage": *20000000000|"max_storage": *21474836480'
    ;;
  go*) articles "${1#go}" ;;
  javascript) node "$ARTICLES/article2.mjs" ;;
  python) python3 -W ignore "$ARTICLES/article3.py" ;;
esac
