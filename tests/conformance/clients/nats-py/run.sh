#!/bin/bash
# run.sh SERVER-BINARY: the idioms of nats-py.
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
need python3
python3 -m pip --version >/dev/null 2>&1 || skip "needs pip for python3, which is not installed"
if ! cmp -s "$here/requirements.txt" "$work/site/requirements.txt"; then
  rm -rf "$work/site"
  retry python3 -m pip install -q --disable-pip-version-check --root-user-action ignore \
    --cache-dir "$cache/pip" --target "$work/site" -r "$here/requirements.txt" >&2 || fail "cannot be installed"
  cp "$here/requirements.txt" "$work/site/requirements.txt"
fi
export PYTHONPATH=$work/site
[ -n "${INSTALL_ONLY:-}" ] && exit 0  # for the articles
run_parts "python3 -W ignore '$here/checks.py' '$server'" "python3 -W ignore '$here/jetstream_checks.py' '$server'"
