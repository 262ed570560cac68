#!/bin/bash
# run.sh SERVER-BINARY: the idioms of nats-py.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
python_site
[ -n "${INSTALL_ONLY:-}" ] && exit 0  # for the articles
run_parts "python3 -W ignore '$here/checks.py' '$server'" "python3 -W ignore '$here/jetstream_checks.py' '$server'"
