#include "petrel/auth/distinguished_name.h"

#include <algorithm>
#include <utility>

namespace petrel::auth {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_attribute(const NameAttribute& a, const NameAttribute& b) {
  return a.value == b.value &&
         std::equal(a.type.begin(), a.type.end(), b.type.begin(), b.type.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool has_all(const RelativeName& name, const RelativeName& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&name](const NameAttribute& attribute) {
    return std::any_of(name.begin(), name.end(), [&attribute](const NameAttribute& own) {
      return same_attribute(own, attribute);
    });
  });
}

bool same_relative(const RelativeName& a, const RelativeName& b) {
  return a.size() == b.size() && has_all(a, b) && has_all(b, a);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

class Parser {
 public:
  explicit Parser(Slice text) : text_(text) {}

  std::optional<DistinguishedName> parse() {
    while (at_ < text_.size()) {
      if (!take(text_[at_++])) return std::nullopt;
    }
    if (!value_.empty()) {
      if (attribute_.type.empty()) return std::nullopt;
      end_attribute();
      name_.push_back(std::move(relative_));
    }
    return std::move(name_);
  }

 private:
  static constexpr Slice kEscapable = " \"#+,;<=>\\";

  bool take(char c) {
    switch (c) {
      case '\\':
        spaces_ = 0;
        return take_escaped();
      case '=':
        attribute_.type = end_token();
        return at_ >= text_.size() || text_[at_] != '#';
      case ',':
      case '+':
        if (attribute_.type.empty()) return false;
        end_attribute();
        if (c == ',') name_.push_back(std::exchange(relative_, {}));
        return true;
      case ' ':
        if (value_.empty()) return true;  // leading
        ++spaces_;
        break;
      default:
        spaces_ = 0;
        break;
    }
    value_ += c;
    return true;
  }

  bool take_escaped() {
    if (at_ >= text_.size()) return true;
    const char c = text_[at_++];
    if (kEscapable.find(c) != Slice::npos) {
      value_ += c;
      return true;
    }
    if (at_ >= text_.size()) return false;
    const int high = hex_digit(c);
    const int low = hex_digit(text_[at_++]);
    if (high < 0 || low < 0) return false;
    value_ += static_cast<char>(high * 16 + low);
    return true;
  }

  // Spaces at the end do not belong to it.
  std::string end_token() {
    value_.resize(value_.size() - std::exchange(spaces_, 0));
    return std::exchange(value_, {});
  }

  void end_attribute() {
    attribute_.value = end_token();
    relative_.push_back(std::exchange(attribute_, {}));
  }

  const Slice text_;
  size_t at_ = 0;
  size_t spaces_ = 0;  // at the end of value_, not escaped
  std::string value_;
  NameAttribute attribute_;
  RelativeName relative_;
  DistinguishedName name_;
};

}  // namespace

std::optional<DistinguishedName> parse_distinguished_name(Slice text) {
  return Parser(text).parse();
}

bool is_same_name(const DistinguishedName& a, const DistinguishedName& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_relative);
}

bool has_same_names(const DistinguishedName& a, const DistinguishedName& b) {
  if (a.size() != b.size()) return false;
  std::vector<bool> is_taken(b.size(), false);
  return std::all_of(a.begin(), a.end(), [&](const RelativeName& name) {
    for (size_t i = 0; i < b.size(); ++i) {
      if (is_taken[i] || !same_relative(name, b[i])) continue;
      is_taken[i] = true;
      return true;
    }
    return false;
  });
}

}  // namespace petrel::auth
