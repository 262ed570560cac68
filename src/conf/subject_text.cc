#include "conf/subject_text.h"

#include <algorithm>

namespace petrel::conf {
namespace {

constexpr std::string_view kWhite = "\t\n\f\r ";

bool is_wildcard(std::string_view token) {
  return token == "*" || token == ">";
}

bool can_match(std::string_view a, std::string_view b) {
  return !a.empty() && !b.empty() && (is_wildcard(a) || is_wildcard(b) || a == b);
}

}  // namespace

std::vector<std::string_view> subject_tokens(std::string_view subject) {
  std::vector<std::string_view> tokens;
  while (true) {
    const size_t dot = subject.find('.');
    tokens.push_back(subject.substr(0, dot));
    if (dot == std::string_view::npos) return tokens;
    subject.remove_prefix(dot + 1);
  }
}

bool is_valid_subject(std::string_view subject) {
  bool ended = false;
  for (const std::string_view token : subject_tokens(subject)) {
    if (token.empty() || ended || token.find_first_of(kWhite) != std::string_view::npos) {
      return false;
    }
    ended = token == ">";
  }
  return true;
}

bool has_wildcard(std::string_view subject) {
  const auto tokens = subject_tokens(subject);
  return std::any_of(tokens.begin(), tokens.end(), is_wildcard);
}

bool is_literal(std::string_view subject) {
  return !has_wildcard(subject);
}

bool is_subset(std::string_view inner, std::string_view outer) {
  const auto in = subject_tokens(inner);
  const auto out = subject_tokens(outer);
  for (size_t i = 0; i < out.size(); ++i) {
    if (i >= in.size() || out[i].empty() || in[i].empty()) return false;
    if (out[i] == ">") return true;
    if (in[i] == ">") return false;
    if (in[i] == "*" && out[i] != "*") return false;
    if (out[i] != "*" && in[i] != out[i]) return false;
  }
  return in.size() == out.size();
}

bool collide(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto left = subject_tokens(a);
  const auto right = subject_tokens(b);
  const auto& shorter = left.size() < right.size() ? left : right;
  if (left.size() != right.size() && shorter.back() != ">") return false;
  for (size_t i = 0; i < shorter.size(); ++i) {
    if (left[i] == ">" || right[i] == ">") return true;
    if (!can_match(left[i], right[i])) return false;
  }
  return true;
}

std::vector<std::string> split_fields(std::string_view text) {
  constexpr std::string_view kSpaces = "\t\n\v\f\r ";
  std::vector<std::string> fields;
  while (true) {
    const size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return fields;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(kSpaces), text.size());
    fields.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace petrel::conf
