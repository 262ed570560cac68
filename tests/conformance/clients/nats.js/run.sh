#!/bin/bash
# run.sh SERVER-BINARY: the idioms of nats.js, generation 2 (`nats`).
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
node_site
[ -n "${INSTALL_ONLY:-}" ] && exit 0  # for the articles
arguments="'$work' nats '$server'"
run_parts "node '$here/../javascript_checks.mjs' $arguments" "node '$here/../javascript_jetstream_checks.mjs' $arguments"
