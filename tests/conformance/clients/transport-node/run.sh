#!/bin/bash
# run.sh SERVER-BINARY: the idioms of nats.js, generation 3 (`@nats-io/transport-node`).
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
node_site
arguments="'$work' @nats-io/transport-node '$server'"
run_parts "node '$here/../javascript_checks.mjs' $arguments" "node '$here/../javascript_jetstream_checks.mjs' $arguments"
