// HeaderView: looks into a NATS header block. The functions below it build and change blocks.
//
// Owner: value over bytes owned by others. Thread: any. Limits: every call reads the block once;
// blocks come from clients and may hold anything, nothing is promised about their form.
// Source: spec protocol.md section 4.1.
#pragma once

#include "petrel/base/block.h"

#include <optional>
#include <string>

namespace petrel::proto {

inline constexpr Slice kHeaderVersion = "NATS/1.0";
inline constexpr Slice kHeaderLine = "NATS/1.0\r\n";
inline constexpr Slice kEmptyHeader = "NATS/1.0\r\n\r\n";

struct Header {
  Slice key;
  Slice value;  // without leading spaces
};

class HeaderView {
 public:
  // `block`: the leading header bytes of a message; empty for a message without headers.
  explicit HeaderView(Slice block) : block_(block) {}

  // Value of the first header with exactly this key, without leading spaces; may be empty.
  std::optional<Slice> find(Slice key) const;
  // The same without regard to the case of ASCII letters; nats-server does so for traceparent.
  std::optional<Slice> find_any_case(Slice key) const;
  bool has(Slice key) const { return find(key).has_value(); }

  // First line: "NATS/1.0[ status[ description]]"; empty when not there.
  bool has_version() const { return block_.substr(0, kHeaderVersion.size()) == kHeaderVersion; }
  Slice status() const;
  Slice description() const;

  // Moves `header` to the next "key: value" line, the first one if `cursor` is 0; false at the end
  // of the block. Lines without a colon are passed over.
  bool next(size_t& cursor, Header& header) const;

  Slice block() const { return block_; }

 private:
  Slice after_version() const;
  Slice block_;
};

// Puts "key: value" at the end of `block`, which is begun if empty. Line ends in the value become
// spaces, spaces around it are dropped; a key that is no HTTP token changes nothing.
void append_header(std::string& block, Slice key, Slice value);
// The same after removing every header with that key.
void set_header(std::string& block, Slice key, Slice value);
// Gives the first header with that key another value in its place, or appends it.
void replace_header(std::string& block, Slice key, Slice value);
// Takes every header with that key out; a block without headers left becomes empty.
void remove_header(std::string& block, Slice key);
void remove_headers_with_prefix(std::string& block, Slice prefix);
// Takes status and description out of the first line; a block without headers left becomes empty.
void remove_header_status(std::string& block);

}  // namespace petrel::proto
