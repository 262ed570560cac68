// ConfigTree: a configuration file as values with positions, includes merged and variables
// resolved. What the values mean is decided by options_reader.h.
//
// Thread: control; a finished tree is a value.
// Limits: maps and arrays nest at most kNestingMax deep, include files kIncludeMax deep,
// kIncludeFilesMax in all, and a tree holds at most kNodesMax values after variables are expanded;
// beyond that parsing fails. Errors: Error::detail is nats-server's text. Source: spec config.md 1.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/position.h"
#include "petrel/conf/sources.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace petrel::conf {

inline constexpr int kNestingMax = 512;
inline constexpr int kIncludeMax = 64;
inline constexpr int kIncludeFilesMax = 10'000;
inline constexpr int64_t kNodesMax = 8'000'000;

struct Node;
using NodePtr = std::shared_ptr<Node>;

// Entries in the order in which their keys were first defined; a later definition of a key replaces
// its value.
class Map {
 public:
  struct Entry {
    std::string key;
    NodePtr node;
  };

  Node* find(std::string_view key) const;
  void set(const std::string& key, NodePtr node);
  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> index_;
};

using Array = std::vector<NodePtr>;

struct DateTime {
  std::string text;  // YYYY-MM-DDTHH:MM:SSZ, a valid moment
};

// Maps and arrays are shared between a key and the variables that refer to it; they never change
// once complete.
using Value = std::variant<bool, int64_t, double, std::string, DateTime,
                           std::shared_ptr<const Array>, std::shared_ptr<const Map>>;

struct Node {
  Value value;
  int line = 0;  // of the key, for an array element of the element; 0: it came from the environment
  int column = 0;
  std::shared_ptr<const std::string> file;  // never null
  bool used_as_variable = false;            // then an unknown key is no error
  int64_t nodes = 1;                        // values in it, itself included
  int depth = 1;                            // levels of maps and arrays in it, itself included

  const Map* map() const;
  const Array* array() const;
  const std::string* string() const { return std::get_if<std::string>(&value); }
  const bool* boolean() const { return std::get_if<bool>(&value); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value); }
  const double* real() const { return std::get_if<double>(&value); }
  Position position() const { return {*file, line, column}; }
};

struct ConfigTree {
  std::shared_ptr<const Map> root;
  std::string digest;  // "sha256:<hex>" of the tree as JSON with sorted keys
};

// Reads, parses and digests a file.
Result<ConfigTree> parse_config_file(const std::string& path, const Sources& sources);

// The same for text in memory; `path` is what positions and relative includes refer to.
Result<ConfigTree> parse_config_text(std::string_view text, const std::string& path,
                                     const Sources& sources);

// The tree as Go's encoding/json writes it: sorted keys, no spaces, a final newline.
std::string canonical_json(const Map& root);

}  // namespace petrel::conf
