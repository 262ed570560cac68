#include "petrel/monitor/json_writer.h"

#include "petrel/base/go_json.h"
#include "petrel/monitor/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace petrel::monitor {

namespace {

constexpr double kSmallestPlain = 1e-6;  // beyond these Go writes an exponent
constexpr double kLargestPlain = 1e21;

std::string number_text(double number) {
  const double size = std::fabs(number);
  const bool has_exponent = size != 0 && (size < kSmallestPlain || size >= kLargestPlain);
  std::array<char, 400> buffer{};
  const auto format = has_exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format);
  std::string text(buffer.data(), done.ptr);
  // Go drops the zero of e-09.
  const size_t exponent = text.find("e-0");
  if (exponent != std::string::npos) text.erase(exponent + 2, 1);
  return text;
}

}  // namespace

void JsonWriter::key(Slice name) {
  separate();
  append_go_json_string(text_, name);
  text_ += indent_ == 0 ? ":" : ": ";
  after_key_ = true;
}

void JsonWriter::value(Slice text) {
  separate();
  append_go_json_string(text_, text);
}

void JsonWriter::value(double number) {
  literal(std::isfinite(number) ? number_text(number) : "0");
}

void JsonWriter::value(WallTime time) {
  value(Slice(time_text(time)));
}

void JsonWriter::embed(Slice compact) {
  for (size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    if (c == '{' || c == '[') {
      begin(c);
    } else if (c == '}' || c == ']') {
      end(c);
    } else if (c == ':') {
      text_ += indent_ == 0 ? ":" : ": ";
      after_key_ = true;
    } else if (c != ',') {
      size_t last = i;  // of a text, a number or a word
      if (c == '"') {
        for (++last; compact[last] != '"'; ++last) last += compact[last] == '\\' ? 1 : 0;
      } else {
        last = std::min(compact.find_first_of(",}]", i), compact.size()) - 1;
      }
      literal(compact.substr(i, last - i + 1));
      i = last;
    }
  }
}

void JsonWriter::null() {
  literal("null");
}

void JsonWriter::value(const std::vector<std::string>& list) {
  begin_array();
  for (const std::string& item : list) value(Slice(item));
  end_array();
}

void JsonWriter::literal(Slice text) {
  separate();
  text_ += text;
}

void JsonWriter::begin(char bracket) {
  separate();
  text_.push_back(bracket);
  has_items_.push_back(false);
}

void JsonWriter::end(char bracket) {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) new_line();
  text_.push_back(bracket);
}

// What stands between the last item and the next one.
void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) text_.push_back(',');
  has_items_.back() = true;
  new_line();
}

void JsonWriter::new_line() {
  if (indent_ == 0) return;
  text_.push_back('\n');
  text_.append(indent_ * has_items_.size(), ' ');
}

}  // namespace petrel::monitor
