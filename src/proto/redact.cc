// Secrets taken out of the text of a CONNECT for traces.
// Source: spec protocol.md section 3; the names and the reach of a replacement are nats-server's.
#include "petrel/proto/connect_info.h"

#include <algorithm>

namespace petrel::proto {

namespace {

constexpr Slice kRedacted = "[REDACTED]";
constexpr Slice kWhite = " \t\n\f\r";

bool is_white(char c) {
  return kWhite.find(c) != Slice::npos;
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t skip_white(Slice text, size_t at) {
  return std::min(text.find_first_not_of(kWhite, at), text.size());
}

// Reads `" : "` (quotes and spaces may be missing, = may stand for :) behind a name that ends at
// `at`; the place where the value begins, or npos.
size_t value_after(Slice text, size_t at) {
  if (at < text.size() && text[at] == '"') ++at;
  at = skip_white(text, at);
  if (at >= text.size() || (text[at] != ':' && text[at] != '=')) return Slice::npos;
  at = skip_white(text, at + 1);
  return at < text.size() && text[at] == '"' ? at + 1 : at;
}

size_t end_of_secret(Slice text, size_t at) {
  return std::min(text.find_first_of("\",\r\n}", at), text.size());
}

// Value of a name that begins with auth_token or pass at `at`, or npos.
size_t value_of_prefixed(Slice text, size_t at, size_t) {
  size_t end = Slice::npos;
  for (const Slice name : {Slice("auth_token"), Slice("pass")}) {
    if (text.substr(at, name.size()) == name) end = at + name.size();
  }
  if (end == Slice::npos) return Slice::npos;
  for (; end < text.size(); ++end) {
    const size_t value = value_after(text, end);
    if (value != Slice::npos) return value;
    if (is_white(text[end])) break;
  }
  return Slice::npos;
}

// Value of exactly proxy_sig, nkey or sig at `at`, or npos. The byte before must be no part of a
// name, nor of what was replaced before (which ended at `done`).
size_t value_of_exact(Slice text, size_t at, size_t done) {
  if (at != 0 && (at == done || is_word(text[at - 1]))) return Slice::npos;
  for (const Slice name : {Slice("proxy_sig"), Slice("nkey"), Slice("sig")}) {
    if (text.substr(at, name.size()) == name) return value_after(text, at + name.size());
  }
  return Slice::npos;
}

using FindValue = size_t (*)(Slice text, size_t at, size_t done);

std::string redact(Slice text, FindValue find_value) {
  std::string out;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t value = find_value(text, at, done);
    if (value == Slice::npos) {
      ++at;
      continue;
    }
    out.append(text.substr(done, value - done));
    out.append(kRedacted);
    done = at = end_of_secret(text, value);
  }
  out.append(text.substr(done));
  return out;
}

}  // namespace

std::string redact_connect(Slice args) {
  return redact(redact(args, value_of_prefixed), value_of_exact);
}

}  // namespace petrel::proto
