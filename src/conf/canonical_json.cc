// The tree as Go's encoding/json writes it; its SHA-256 is the digest that -t and reload print.
#include "petrel/base/go_json.h"
#include "petrel/conf/config_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace petrel::conf {
namespace {

// Shortest digits that read back the same; an exponent below 1e-6 and from 1e21 on, without the
// leading zero of a negative one.
void write_double(std::string& out, double number) {
  const double size = std::fabs(number);
  const bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  std::array<char, 64> buffer;
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer.data(), result.ptr);
  const size_t e = text.find("e-0");
  if (exponent && e != std::string::npos) text.erase(e + 2, 1);
  out += text;
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void operator()(bool value) const { out_ += value ? "true" : "false"; }
  void operator()(int64_t value) const { out_ += std::to_string(value); }
  void operator()(double value) const { write_double(out_, value); }
  void operator()(const std::string& value) const { append_go_json_string(out_, value); }
  void operator()(const DateTime& value) const { append_go_json_string(out_, value.text); }

  void operator()(const std::shared_ptr<const Array>& value) const {
    out_ += '[';
    for (size_t i = 0; i < value->size(); ++i) {
      if (i > 0) out_ += ',';
      std::visit(*this, (*value)[i]->value);
    }
    out_ += ']';
  }

  void operator()(const std::shared_ptr<const Map>& value) const { write_map(*value); }

  void write_map(const Map& map) const {
    std::vector<const Map::Entry*> sorted;
    for (const Map::Entry& entry : map.entries()) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(),
              [](const Map::Entry* a, const Map::Entry* b) { return a->key < b->key; });
    out_ += '{';
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0) out_ += ',';
      append_go_json_string(out_, sorted[i]->key);
      out_ += ':';
      std::visit(*this, sorted[i]->node->value);
    }
    out_ += '}';
  }

 private:
  std::string& out_;
};

}  // namespace

std::string canonical_json(const Map& root) {
  std::string out;
  Writer(out).write_map(root);
  out += '\n';
  return out;
}

}  // namespace petrel::conf
