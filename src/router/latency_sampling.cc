#include "router/latency_sampling.h"

#include "petrel/base/go_json.h"

#include <charconv>
#include <map>
#include <vector>

namespace petrel::router {

namespace {

using Headers = std::map<std::string, std::vector<std::string>, std::less<>>;

constexpr Slice kUber = "Uber-Trace-Id";
constexpr Slice kUberContext = "Uberctx-";
constexpr Slice kB3 = "B3";
constexpr Slice kB3Sampled = "X-B3-Sampled";
constexpr Slice kB3Trace = "X-B3-Traceid";
constexpr Slice kTraceParent = "Traceparent";
constexpr Slice kTraceState = "Tracestate";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

// "x-b3-sampled" -> "X-B3-Sampled"
std::string canonical(Slice key) {
  std::string out(key);
  bool is_first = true;
  for (char& c : out) {
    c = is_first ? upper(c) : lower(c);
    is_first = c == '-';
  }
  return out;
}

Slice trimmed(Slice text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Headers read_headers(Slice block) {
  Headers headers;
  size_t at = block.find("\r\n");
  while (at != Slice::npos) {
    block.remove_prefix(at + 2);
    at = block.find("\r\n");
    const Slice line = block.substr(0, at);
    const size_t colon = line.find(':');
    if (colon == Slice::npos || colon == 0) continue;
    headers[canonical(line.substr(0, colon))].emplace_back(trimmed(line.substr(colon + 1)));
  }
  return headers;
}

std::vector<std::string> split(Slice text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == Slice::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// Whether the flags in hexadecimal have bit 0 set.
bool has_sampled_flag(Slice flags) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(flags.data(), flags.data() + flags.size(), value, 16);
  return error == std::errc() && end == flags.data() + flags.size() && (value & 1) == 1;
}

template <typename Wanted>
std::string to_json(const Headers& headers, Wanted wanted) {
  std::string json = "{";
  for (const auto& [key, values] : headers) {
    if (!wanted(Slice(key))) continue;
    if (json.size() > 1) json.push_back(',');
    append_go_json_string(json, key);
    json.append(":[");
    for (size_t i = 0; i < values.size(); ++i) {
      if (i != 0) json.push_back(',');
      append_go_json_string(json, values[i]);
    }
    json.push_back(']');
  }
  return json + "}";
}

Sample sample_b3(const Headers& headers) {
  return {true, to_json(headers, [](Slice key) {
            return key == kB3Sampled || key == kB3Trace || key == "X-B3-Parentspanid" ||
                   key == "X-B3-Spanid";
          })};
}

Sample sample_by_headers(const Headers& headers) {
  const auto first = [&headers](Slice key) -> const std::string* {
    const auto found = headers.find(key);
    return found == headers.end() ? nullptr : &found->second.front();
  };
  if (const std::string* id = first(kUber); id != nullptr) {
    const auto parts = split(*id, ':');
    const bool is_taken = parts.size() == 4 && !parts[3].empty() && parts[3].size() <= 2 &&
                          has_sampled_flag(parts[3]);
    if (!is_taken) return {};
    return {true, to_json(headers,
                          [](Slice key) { return key == kUber || key.starts_with(kUberContext); })};
  }
  const std::string* sampled = first(kB3Sampled);
  if (sampled != nullptr && *sampled == "1") return sample_b3(headers);
  if (sampled != nullptr && *sampled == "0") return {};
  if (first(kB3Trace) != nullptr) return sample_b3(headers);
  if (const std::string* b3 = first(kB3); b3 != nullptr) {
    const auto parts = split(*b3, '-');
    const bool is_denied =
        (parts.size() > 2 && parts[2] == "0") || (parts.size() == 1 && parts[0] == "0");
    if (is_denied) return {};
    return {true, to_json(headers, [](Slice key) { return key == kB3; })};
  }
  if (const std::string* parent = first(kTraceParent); parent != nullptr) {
    const auto parts = split(*parent, '-');
    if (parts.size() != 4 || parts[3].size() != 2 || !has_sampled_flag(parts[3])) return {};
    return {true,
            to_json(headers, [](Slice key) { return key == kTraceParent || key == kTraceState; })};
  }
  return {};
}

}  // namespace

Sample sample_request(const conf::LatencyOptions& latency, Slice header_block, Prng& prng) {
  if (latency.sampling >= 100) return {true, {}};
  if (latency.sampling > 0 && prng.below(100) <= static_cast<uint64_t>(latency.sampling)) {
    return {true, {}};
  }
  return header_block.empty() ? Sample{} : sample_by_headers(read_headers(header_block));
}

}  // namespace petrel::router
