// What every block of options is read with: a table of names and what to do with the value, and a
// report that collects all errors and warnings with their places.
//
// A value of the wrong type ends the reading of its block, and is reported where nats-server does:
// at the last value of the nearest guarded block, which is not always the value itself.
// Thread: control.
#pragma once

#include "conf/characters.h"
#include "conf/go_values.h"

#include "petrel/base/go_quote.h"
#include "petrel/conf/config_tree.h"
#include "petrel/conf/options.h"
#include "petrel/conf/sources.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace petrel::conf {

// Errors and warnings in the order in which they are found, each with its place in front.
class Report {
 public:
  // `at` null, or a value from the environment: no place.
  void error(const Node* at, const std::string& text) { errors_.push_back(placed(at, text)); }
  void warning(const Node* at, const std::string& text) { warnings_.push_back(placed(at, text)); }
  void misuse(const Node* at, std::string_view field, const std::string& reason) {
    warning(at, "invalid use of field " + go_quote(field) + ": " + reason);
  }

  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  static std::string placed(const Node* at, const std::string& text) {
    return at == nullptr || at->line == 0 ? text : at->position().text() + ": " + text;
  }

  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

// What became of one value.
enum class Step : uint8_t {
  kNext,
  kStop,       // an error was reported, the rest of the block is not read
  kWrongType,  // the same, but the guarded block around reports it
};

struct Context {
  Report& report;
  const Sources& sources;
  Options& options;
  const Node* last = nullptr;   // where a wrong type is reported
  std::string wrong_type = {};  // what is reported there
};

struct Field {
  const std::string& key;  // as written
  const Node& node;
};

// The value, or null after noting that its type is wrong.
const std::string* want_string(Context& context, const Node& node);
const bool* want_bool(Context& context, const Node& node);
const int64_t* want_integer(Context& context, const Node& node);
const Map* want_map(Context& context, const Node& node);
const Array* want_array(Context& context, const Node& node);

// Reports and stops.
inline Step stop(Context& context, const Node* at, const std::string& text) {
  context.report.error(at, text);
  return Step::kStop;
}

// Runs `body` so that a wrong type in it is reported here and goes no further.
template <typename Body>
Step guarded(Context& context, const Node& start, Body body) {
  const Node* outer = std::exchange(context.last, &start);
  Step step = body();
  if (step == Step::kWrongType) step = stop(context, context.last, context.wrong_type);
  context.last = outer;
  return step;
}

// A duration written as text, or as a number of seconds with a warning. `name` stands in messages.
Step read_duration(Context& context, const Field& field, std::string_view name, Duration& out);

// Seconds as a number or a duration as text. `failed` stands in front of a parse error; "" ignores
// what is neither.
struct SecondsTexts {
  std::string_view parse_error;
  std::string_view wrong_type;
};
Step read_seconds(Context& context, const Field& field, SecondsTexts texts, Duration& out);

Step read_write_timeout(Context& context, const Field& field, WriteTimeoutPolicy& out);

// "host:port", or a port alone with an empty host. Both are left alone on error.
Step read_listen(Context& context, const Field& field, std::string& host, int& port);

// A text or an array of texts; what is neither is reported as `error parsing NAME: ...`.
std::vector<std::string> read_strings(Context& context, const Field& field, std::string_view name);

template <typename T>
struct DurationField {
  Duration T::* member;
  std::string_view name;  // in messages
};

template <typename T>
using Handler = Step (*)(Context&, T&, const Field&);

template <typename T>
using Action = std::variant<Handler<T>, std::string T::*, bool T::*, int T::*, int64_t T::*,
                            DurationField<T>, WriteTimeoutPolicy T::*>;

template <typename T>
struct Rule {
  std::string_view names;  // lower case, aliases behind "|"
  Action<T> action;
};

// What a name that no rule knows does, unless its value is used as a variable.
enum class Unknown : uint8_t {
  kReported,
  kStops,
  kAlwaysStops,  // even if it is used as a variable
};

template <typename T>
struct Block {
  std::span<const Rule<T>> rules;
  bool guarded = true;  // its values are where wrong types are reported
  std::string_view unknown_before = "unknown field ";
  std::string_view unknown_after = "";
  Unknown unknown = Unknown::kReported;
};

bool has_name(std::string_view names, std::string_view name);

template <typename T>
class Assign {
 public:
  Assign(Context& context, T& target, const Field& field)
      : context_(context), target_(target), field_(field) {}

  Step operator()(Handler<T> handler) const { return handler(context_, target_, field_); }
  Step operator()(std::string T::* member) const {
    return set(member, want_string(context_, field_.node));
  }
  Step operator()(bool T::* member) const { return set(member, want_bool(context_, field_.node)); }
  Step operator()(int64_t T::* member) const {
    return set(member, want_integer(context_, field_.node));
  }
  Step operator()(int T::* member) const {
    const int64_t* value = want_integer(context_, field_.node);
    if (value == nullptr) return Step::kWrongType;
    target_.*member = saturated<int>(*value);
    return Step::kNext;
  }
  Step operator()(DurationField<T> duration) const {
    return read_duration(context_, field_, duration.name, target_.*duration.member);
  }
  Step operator()(WriteTimeoutPolicy T::* member) const {
    return read_write_timeout(context_, field_, target_.*member);
  }

 private:
  template <typename V>
  Step set(V T::* member, const V* value) const {
    if (value == nullptr) return Step::kWrongType;
    target_.*member = *value;
    return Step::kNext;
  }

  Context& context_;
  T& target_;
  const Field& field_;
};

template <typename T>
const Rule<T>* find_rule(const Block<T>& block, const std::string& key) {
  const std::string name = lower(key);
  for (const Rule<T>& rule : block.rules) {
    if (has_name(rule.names, name)) return &rule;
  }
  return nullptr;
}

// Reads the entries of `map` into `target`.
template <typename T>
Step read_block(Context& context, const Map& map, const Block<T>& block, T& target) {
  for (const Map::Entry& entry : map.entries()) {
    if (block.guarded) context.last = entry.node.get();
    const Rule<T>* rule = find_rule(block, entry.key);
    if (rule == nullptr) {
      const bool always = block.unknown == Unknown::kAlwaysStops;
      if (entry.node->used_as_variable && !always) continue;
      context.report.error(entry.node.get(), std::string(block.unknown_before) +
                                                 go_quote(entry.key) +
                                                 std::string(block.unknown_after));
      if (block.unknown != Unknown::kReported) return Step::kStop;
      continue;
    }
    const Field field{entry.key, *entry.node};
    const Step step = std::visit(Assign<T>(context, target, field), rule->action);
    if (step != Step::kNext) return step;
  }
  return Step::kNext;
}

// The usual block: a map, guarded; anything else is "WHAT, got TYPE". Never stops its own parent.
template <typename T>
Step read_guarded_map(Context& context, const Node& node, std::string_view what,
                      const Block<T>& block, T& target) {
  const Map* map = node.map();
  if (map == nullptr) {
    return stop(context, &node, std::string(what) + ", got " + type_name(node.value));
  }
  return guarded(context, node, [&] { return read_block(context, *map, block, target); });
}

}  // namespace petrel::conf
