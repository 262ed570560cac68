#!/bin/bash
# run.sh SERVER-BINARY: the idioms of the C client (Debian: libnats-dev).
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need cc
need pkg-config
pkg-config --exists libnats || skip "needs libnats-dev, which is not installed"
for program in checks jetstream_checks; do
  # shellcheck disable=SC2046
  cc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -o "$work/$program" "$here/$program.c" \
    $(pkg-config --cflags --libs libnats) -lpthread || fail "does not build"
done
run_parts "'$work/checks' '$server'" "'$work/jetstream_checks' '$server'"
