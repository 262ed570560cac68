#!/bin/bash
# run.sh SERVER-BINARY: the idioms of nats.js, generation 2 (`nats`).
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need node
need npm
if ! cmp -s "$here/package.json" "$work/package.json"; then
  rm -rf "$work/node_modules"
  cp "$here/package.json" "$work/package.json"
  retry npm install --prefix "$work" --cache "$cache/npm" --no-package-lock --no-audit --no-fund --silent >&2 ||
    { rm -f "$work/package.json"; fail "cannot be installed"; }
fi
[ -n "${INSTALL_ONLY:-}" ] && exit 0  # for the articles
arguments="'$work' nats '$server'"
run_parts "node '$here/../javascript_checks.mjs' $arguments" "node '$here/../javascript_jetstream_checks.mjs' $arguments"
