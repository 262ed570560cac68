#!/bin/bash
# run.sh SERVER-BINARY: the idioms of async-nats.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need cargo
minor=$(cargo --version | sed -nE 's/^cargo 1\.([0-9]+)\..*/\1/p')
[ "${minor:-0}" -ge 79 ] || skip "needs cargo 1.79 or later; installed is $(cargo --version)"
export CARGO_TARGET_DIR="$work/target"
retry cargo build --quiet --locked --manifest-path "$here/Cargo.toml" >&2 || fail "does not build"
exec "$work/target/debug/checks" "$server"
