#!/bin/bash
# run.sh SERVER-BINARY: nkeys and JWTs with nats-py.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
python_site
exec python3 -W ignore "$here/checks.py" "$server"
