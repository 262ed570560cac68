#include "conf/go_flags.h"

#include "conf/characters.h"
#include "conf/reader.h"

#include "petrel/base/go_quote.h"

#include <charconv>
#include <optional>

namespace petrel::conf {
namespace {

std::optional<bool> parse_bool(std::string_view text) {
  if (has_name("1|t|T|TRUE|true|True", text)) return true;
  if (has_name("0|f|F|FALSE|false|False", text)) return false;
  return std::nullopt;
}

// Removes the underscores of "1_000"; they stand only between digits or behind the base.
std::optional<std::string> without_underscores(std::string_view digits, bool has_base) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      out += digits[i];
      continue;
    }
    const bool leads = i == 0 && !has_base;
    if (leads || i + 1 == digits.size() || digits[i + 1] == '_') return std::nullopt;
  }
  return out;
}

// An integer in Go's notation: 10, 0x1f, 0b1, 0o17, 017, 1_000. Error::detail is the reason.
Result<int64_t> parse_integer(std::string_view text) {
  const Error syntax{Errc::kInvalidArgument, "parse error"};
  std::string_view digits = text;
  const bool negative = !digits.empty() && digits.front() == '-';
  if (negative || (!digits.empty() && digits.front() == '+')) digits.remove_prefix(1);
  int base = 10;
  bool has_base = false;
  if (digits.size() > 1 && digits[0] == '0') {
    has_base = true;
    const std::string mark = lower(digits.substr(1, 1));
    base = mark == "x" ? 16 : mark == "b" ? 2 : 8;
    digits.remove_prefix(mark == "x" || mark == "b" || mark == "o" ? 2 : 1);
  }
  const auto plain = without_underscores(digits, has_base);
  if (!plain || plain->empty() || plain->front() == '-' || plain->front() == '+') return syntax;
  const std::string number = (negative ? "-" : "") + *plain;
  int64_t value = 0;
  const char* end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, value, base);
  if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return syntax;
  if (parsed.ec == std::errc::result_out_of_range) {
    return Error{Errc::kOutOfRange, "value out of range"};
  }
  return value;
}

class Parser {
 public:
  Parser(std::span<const FlagShape> shapes, const std::vector<std::string>& args)
      : shapes_(shapes), args_(args) {}

  GoFlags run() {
    while (result_.error.empty() && next_ < args_.size()) {
      const std::string& arg = args_[next_];
      if (arg.size() < 2 || arg[0] != '-') break;
      ++next_;
      if (arg == "--") break;
      take(arg);
    }
    if (result_.error.empty()) result_.words.assign(args_.begin() + next_offset(), args_.end());
    return std::move(result_);
  }

 private:
  std::ptrdiff_t next_offset() const { return static_cast<std::ptrdiff_t>(next_); }

  void take(const std::string& arg) {
    std::string name = arg.substr(arg[1] == '-' ? 2 : 1);
    if (name.empty() || name[0] == '-' || name[0] == '=') {
      result_.error = "bad flag syntax: " + arg;
      return;
    }
    std::optional<std::string> value;
    const size_t equals = name.find('=', 1);
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const FlagShape* shape = find(name);
    if (shape == nullptr) {
      result_.error = "flag provided but not defined: -" + name;
    } else if (shape->kind == FlagKind::kBool) {
      set_bool(name, value);
    } else {
      if (!value && next_ < args_.size()) value = args_[next_++];
      if (!value) {
        result_.error = "flag needs an argument: -" + name;
      } else if (shape->kind == FlagKind::kInteger) {
        set_integer(name, *value);
      } else {
        result_.settings.push_back({name, *value});
      }
    }
  }

  const FlagShape* find(const std::string& name) const {
    for (const FlagShape& shape : shapes_) {
      if (has_name(shape.names, name)) return &shape;
    }
    return nullptr;
  }

  void set_bool(const std::string& name, const std::optional<std::string>& value) {
    const auto on = value ? parse_bool(*value) : true;
    if (!on) {
      result_.error =
          "invalid boolean value " + go_quote(*value) + " for -" + name + ": parse error";
      return;
    }
    result_.settings.push_back({name, "", 0, *on});
  }

  void set_integer(const std::string& name, const std::string& value) {
    const auto number = parse_integer(value);
    if (!number) {
      result_.error =
          "invalid value " + go_quote(value) + " for flag -" + name + ": " + number.error().detail;
      return;
    }
    result_.settings.push_back({name, "", *number});
  }

  std::span<const FlagShape> shapes_;
  const std::vector<std::string>& args_;
  size_t next_ = 0;
  GoFlags result_;
};

}  // namespace

GoFlags parse_go_flags(std::span<const FlagShape> shapes, const std::vector<std::string>& args) {
  return Parser(shapes, args).run();
}

}  // namespace petrel::conf
