#!/bin/bash
# run.sh SERVER-BINARY: nkeys, JWTs and auth callout with nats.go.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need go
export GOMODCACHE="$cache/go/mod" GOCACHE="$cache/go/build" GOFLAGS=-modcacherw GOTOOLCHAIN=auto
cd "$here" || exit 1
retry go build -o "$work/checks" . >&2 || fail "does not build"
exec "$work/checks" "$server"
