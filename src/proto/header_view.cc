#include "petrel/proto/header_view.h"

#include <algorithm>

namespace petrel::proto {

namespace {

constexpr Slice kLineEnd = "\r\n";

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_any_case(Slice left, Slice right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

// Start of the line behind the next CR LF at or after `at`, or npos.
size_t next_line(Slice block, size_t at) {
  const size_t end = block.find(kLineEnd, at);
  return end == Slice::npos ? Slice::npos : end + kLineEnd.size();
}

// Value that begins behind the colon at `colon`.
Slice value_behind(Slice block, size_t colon) {
  const size_t start = std::min(block.find_first_not_of(' ', colon + 1), block.size());
  return block.substr(start, std::min(block.find(kLineEnd, start), block.size()) - start);
}

// Start of the first line that begins with "key:", or npos. The first line is never one.
template <typename Same>
size_t find_key(Slice block, Slice key, Same same) {
  for (size_t at = next_line(block, 0); at != Slice::npos; at = next_line(block, at)) {
    const Slice line = block.substr(at);
    if (line.size() > key.size() && line[key.size()] == ':' &&
        same(line.substr(0, key.size()), key)) {
      return at;
    }
  }
  return Slice::npos;
}

size_t find_exact(Slice block, Slice key) {
  return find_key(block, key, [](Slice left, Slice right) { return left == right; });
}

// Copies `block` without the lines that `unwanted` names, all of them ended by CR LF.
template <typename Unwanted>
void remove_lines(std::string& block, Unwanted unwanted) {
  const Slice from = block;
  std::string kept;
  size_t done = 0;
  for (size_t at = next_line(from, 0); at != Slice::npos;) {
    const size_t end = next_line(from, at);
    if (end != Slice::npos && unwanted(from.substr(at, end - at))) {
      kept.append(from.substr(done, at - done));
      done = end;
    }
    at = end;
  }
  if (done == 0) return;
  kept.append(from.substr(done));
  if (kept.size() <= kEmptyHeader.size()) kept.clear();
  block = std::move(kept);
}

// Characters of a header name as HTTP allows them.
bool is_token(Slice key) {
  constexpr Slice kMarks = "!#$%&'*+-.^_`|~";
  return !key.empty() && std::all_of(key.begin(), key.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
           kMarks.find(c) != Slice::npos;
  });
}

std::string clean_value(Slice value) {
  constexpr Slice kAround = " \t\r\n";
  const size_t first = std::min(value.find_first_not_of(kAround), value.size());
  const size_t last = value.find_last_not_of(kAround);
  std::string clean(value.substr(first, last == Slice::npos ? 0 : last + 1 - first));
  std::replace(clean.begin(), clean.end(), '\r', ' ');
  std::replace(clean.begin(), clean.end(), '\n', ' ');
  return clean;
}

}  // namespace

std::optional<Slice> HeaderView::find(Slice key) const {
  const size_t at = find_exact(block_, key);
  if (at == Slice::npos) return std::nullopt;
  return value_behind(block_, at + key.size());
}

std::optional<Slice> HeaderView::find_any_case(Slice key) const {
  const size_t at = find_key(block_, key, same_any_case);
  if (at == Slice::npos) return std::nullopt;
  return value_behind(block_, at + key.size());
}

Slice HeaderView::after_version() const {
  if (!has_version()) return {};
  const Slice line = block_.substr(0, block_.find(kLineEnd));
  const size_t at = line.find_first_not_of(' ', kHeaderVersion.size());
  if (at == Slice::npos || at == kHeaderVersion.size()) return {};
  return line.substr(at);
}

Slice HeaderView::status() const {
  const Slice text = after_version();
  return text.substr(0, text.find(' '));
}

Slice HeaderView::description() const {
  const Slice text = after_version();
  const size_t at = text.find_first_not_of(' ', status().size());
  return at == Slice::npos ? Slice() : text.substr(at);
}

bool HeaderView::next(size_t& cursor, Header& header) const {
  if (cursor == 0) cursor = next_line(block_, 0);
  while (cursor != Slice::npos && cursor < block_.size()) {
    const size_t at = cursor;
    cursor = next_line(block_, at);
    const Slice line = block_.substr(at, std::min(cursor, block_.size()) - at);
    const size_t colon = line.find(':');
    if (colon == Slice::npos) continue;
    header.key = line.substr(0, colon);
    header.value = value_behind(block_, at + colon);
    return true;
  }
  cursor = Slice::npos;
  return false;
}

void append_header(std::string& block, Slice key, Slice value) {
  if (!is_token(key)) return;
  if (block.size() > kLineEnd.size()) {
    block.resize(block.size() - kLineEnd.size());
  } else {
    block = kHeaderLine;
  }
  block.append(key).append(": ").append(clean_value(value)).append("\r\n\r\n");
}

void set_header(std::string& block, Slice key, Slice value) {
  remove_header(block, key);
  append_header(block, key, value);
}

void replace_header(std::string& block, Slice key, Slice value) {
  const size_t at = find_exact(block, key);
  if (at == Slice::npos) {
    append_header(block, key, value);
    return;
  }
  const Slice old = value_behind(block, at + key.size());
  const auto start = static_cast<size_t>(old.data() - block.data());
  block.replace(start, old.size(), clean_value(value));
}

void remove_header(std::string& block, Slice key) {
  remove_lines(block, [key](Slice line) {
    return line.size() > key.size() && line[key.size()] == ':' && line.substr(0, key.size()) == key;
  });
}

void remove_headers_with_prefix(std::string& block, Slice prefix) {
  remove_lines(block, [prefix](Slice line) { return line.substr(0, prefix.size()) == prefix; });
}

void remove_header_status(std::string& block) {
  const size_t end = block.find('\r');
  if (!HeaderView(block).has_version() || end == std::string::npos ||
      end <= kHeaderVersion.size()) {
    return;
  }
  block.erase(kHeaderVersion.size(), end - kHeaderVersion.size());
  if (block.size() == kEmptyHeader.size()) block.clear();
}

}  // namespace petrel::proto
