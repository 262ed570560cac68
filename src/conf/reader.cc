#include "conf/reader.h"

#include "conf/host_port.h"

#include <algorithm>

namespace petrel::conf {
namespace {

template <typename V>
const V* want(Context& context, const Node& node, const V* value, std::string_view type) {
  if (value == nullptr) context.wrong_type = conversion_text(node.value, type);
  return value;
}

}  // namespace

const std::string* want_string(Context& context, const Node& node) {
  return want(context, node, node.string(), "string");
}

const bool* want_bool(Context& context, const Node& node) {
  return want(context, node, node.boolean(), "bool");
}

const int64_t* want_integer(Context& context, const Node& node) {
  return want(context, node, node.integer(), "int64");
}

const Map* want_map(Context& context, const Node& node) {
  return want(context, node, node.map(), "map[string]interface {}");
}

const Array* want_array(Context& context, const Node& node) {
  return want(context, node, node.array(), "[]interface {}");
}

Step read_duration(Context& context, const Field& field, std::string_view name, Duration& out) {
  const std::string label(name);
  if (const std::string* text = field.node.string()) {
    const auto parsed = parse_duration(*text);
    out = parsed ? *parsed : Duration{};
    if (!parsed) {
      context.report.error(&field.node, "error parsing " + label + ": " + parsed.error().detail);
    }
    return Step::kNext;
  }
  context.report.misuse(&field.node, name, label + " should be converted to a duration");
  const int64_t* seconds = want_integer(context, field.node);
  if (seconds == nullptr) return Step::kWrongType;
  const uint64_t ns = static_cast<uint64_t>(*seconds) * 1'000'000'000u;
  out = Duration{static_cast<int64_t>(ns)};
  return Step::kNext;
}

Step read_seconds(Context& context, const Field& field, SecondsTexts texts, Duration& out) {
  double seconds = 0;
  if (const int64_t* integer = field.node.integer()) {
    seconds = static_cast<double>(*integer);
  } else if (const double* real = field.node.real()) {
    seconds = *real;
  } else if (const std::string* text = field.node.string()) {
    const auto parsed = parse_duration(*text);
    if (!parsed) {
      return stop(context, &field.node, std::string(texts.parse_error) + parsed.error().detail);
    }
    out = *parsed;
    return Step::kNext;
  } else {
    return stop(context, &field.node, std::string(texts.wrong_type));
  }
  constexpr double kSecondsMax = 9'000'000'000.0;  // what nanoseconds in 63 bits can hold
  out = Duration{static_cast<int64_t>(std::clamp(seconds, -kSecondsMax, kSecondsMax) * 1e9)};
  return Step::kNext;
}

Step read_write_timeout(Context& context, const Field& field, WriteTimeoutPolicy& out) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  out = WriteTimeoutPolicy::kDefault;
  if (*text == "close") {
    out = WriteTimeoutPolicy::kClose;
  } else if (*text == "retry") {
    out = WriteTimeoutPolicy::kRetry;
  } else if (*text != "default") {
    context.report.error(&field.node, "write_timeout must be 'default', 'close' or 'retry'");
  }
  return Step::kNext;
}

Step read_listen(Context& context, const Field& field, std::string& host, int& port) {
  if (const int64_t* number = field.node.integer()) {
    host.clear();
    port = saturated<int>(*number);
    return Step::kNext;
  }
  const std::string* text = field.node.string();
  if (text == nullptr) {
    context.report.error(&field.node,
                         "expected port or host:port, got " + type_name(field.node.value));
    return Step::kNext;
  }
  const auto split = split_host_port(*text);
  if (!split) {
    context.report.error(&field.node, "could not parse address string " + go_quote(*text));
    return Step::kNext;
  }
  const auto number = parse_int(split->port, "strconv.Atoi");
  if (!number) {
    context.report.error(&field.node, "could not parse port " + go_quote(split->port));
    return Step::kNext;
  }
  host = split->host;
  port = saturated<int>(*number);
  return Step::kNext;
}

std::vector<std::string> read_strings(Context& context, const Field& field, std::string_view name) {
  std::vector<std::string> out;
  const std::string failed = "error parsing " + std::string(name) + ": unsupported type ";
  if (const std::string* text = field.node.string()) {
    out.push_back(*text);
  } else if (const Array* array = field.node.array()) {
    for (const NodePtr& node : *array) {
      if (const std::string* element = node->string()) {
        out.push_back(*element);
      } else {
        context.report.error(node.get(), failed + "in array " + type_name(node->value));
      }
    }
  } else {
    context.report.error(&field.node, failed + type_name(field.node.value));
  }
  return out;
}

bool has_name(std::string_view names, std::string_view name) {
  while (true) {
    const size_t end = names.find('|');
    if (names.substr(0, end) == name) return true;
    if (end == std::string_view::npos) return false;
    names.remove_prefix(end + 1);
  }
}

}  // namespace petrel::conf
