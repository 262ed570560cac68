#include "petrel/router/account_links.h"

#include "petrel/subject/subject.h"

#include <algorithm>
#include <charconv>

namespace petrel::router {

namespace {

using subject::SubjectTransform;
using subject::TransformMode;

std::vector<std::string> split(Slice subject) {
  std::vector<std::string> tokens;
  for (subject::TokenReader reader(subject); reader.next();) tokens.emplace_back(reader.token());
  return tokens;
}

std::string join(const std::vector<std::string>& tokens) {
  std::string subject;
  for (const std::string& token : tokens) {
    if (!subject.empty()) subject.push_back('.');
    subject.append(token);
  }
  return subject;
}

// "$3" and "{{wildcard(3)}}" -> 3; 0: another token.
size_t wildcard_number(Slice token) {
  if (token.size() >= 2 && token.front() == '$') {
    token.remove_prefix(1);
  } else if (token.starts_with("{{") && token.ends_with("}}")) {
    const size_t open = token.find('(');
    const size_t close = token.find(')');
    if (open == Slice::npos || close == Slice::npos || close < open) return 0;
    token = token.substr(open + 1, close - open - 1);
    while (token.starts_with(" ")) token.remove_prefix(1);
    while (token.ends_with(" ")) token.remove_suffix(1);
  } else {
    return 0;
  }
  size_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return error == std::errc() && end == token.data() + token.size() ? number : 0;
}

// "foo.$2.$1" -> "foo.*.*"
std::string without_numbers(Slice subject) {
  std::vector<std::string> tokens = split(subject);
  for (std::string& token : tokens) {
    if (wildcard_number(token) != 0) token = "*";
  }
  return join(tokens);
}

// The destination that leads back from `destination` to `source`.
std::string reversed(Slice source, Slice destination) {
  std::vector<size_t> place_of;  // of the source's wildcards among those of the destination
  size_t place = 0;
  for (const std::string& token : split(destination)) {
    const size_t number = wildcard_number(token);
    if (number == 0) continue;
    if (place_of.size() < number) place_of.resize(number);
    place_of[number - 1] = ++place;
  }
  std::vector<std::string> tokens = split(source);
  size_t wildcard = 0;
  for (std::string& token : tokens) {
    if (token != "*") continue;
    if (wildcard < place_of.size()) token = "$" + std::to_string(place_of[wildcard]);
    ++wildcard;
  }
  return join(tokens);
}

std::optional<SubjectTransform> make_transform(Slice source, Slice destination) {
  auto made = SubjectTransform::create(source, destination, TransformMode::kReversible);
  if (!made) return std::nullopt;
  return *std::move(made);
}

bool admits(const conf::ExportOptions& exported, Slice importer, Slice subject) {
  if (exported.account_token_position > 0) {
    const std::vector<std::string> tokens = split(subject);
    const auto position = static_cast<size_t>(exported.account_token_position);
    return position <= tokens.size() && tokens[position - 1] == importer;
  }
  return exported.accounts.empty() || std::find(exported.accounts.begin(), exported.accounts.end(),
                                                importer) != exported.accounts.end();
}

// The part of `local` that also matches `to`, token by token; it may match more than both.
std::string overlap_of(Slice local, Slice to) {
  std::vector<std::string> tokens = split(local);
  const std::vector<std::string> wanted = split(to);
  for (size_t i = 0; i < tokens.size() && i < wanted.size(); ++i) {
    if (tokens[i] == "*" && wanted[i] != ">") tokens[i] = wanted[i];
  }
  if (tokens.back() == ">" && wanted.size() >= tokens.size()) {
    const size_t last = tokens.size() - 1;
    tokens.resize(last);
    tokens.insert(tokens.end(), wanted.begin() + static_cast<std::ptrdiff_t>(last), wanted.end());
  }
  return join(tokens);
}

}  // namespace

std::shared_ptr<const ServiceLink> AccountLinks::find_service(uint64_t id) const {
  const auto found = std::find_if(services.begin(), services.end(),
                                  [id](const auto& link) { return link->id == id; });
  return found == services.end() ? nullptr : *found;
}

const conf::ExportOptions* find_export(const auth::Account& exporter, Slice importer, Slice subject,
                                       bool is_service) {
  const conf::ExportOptions* found = nullptr;
  for (const conf::ExportOptions& entry : exporter.exports) {
    if (entry.is_service != is_service || !admits(entry, importer, subject)) continue;
    if (entry.subject == subject) return &entry;
    if (found == nullptr && subject::is_subset_match(subject, entry.subject)) found = &entry;
  }
  return found;
}

std::shared_ptr<const StreamLink> make_stream_link(const conf::ImportOptions& import,
                                                   AccountInterest& exporter) {
  auto link = std::make_shared<StreamLink>();
  link->exporter = &exporter;
  link->from = import.subject;
  link->to = import.to.empty() ? import.subject : import.to;
  if (!import.prefix.empty()) {
    link->to = import.prefix + (import.prefix.back() == '.' ? "" : ".") + import.subject;
  }
  link->allow_trace = import.allow_trace;
  if (subject::is_literal(link->from)) return link;
  if (link->to == link->from) {
    link->keeps_subject = true;
    return link;
  }
  const std::string destination = subject::number_wildcards(link->to);
  link->to = without_numbers(link->to);
  link->transform = make_transform(link->from, destination);
  link->reverse = make_transform(link->to, reversed(link->from, destination));
  if (!link->transform || !link->reverse) return nullptr;
  return link;
}

std::shared_ptr<ServiceLink> make_service_link(const conf::ImportOptions& import,
                                               const conf::ExportOptions& exported) {
  auto link = std::make_shared<ServiceLink>();
  link->exported = exported.subject;
  link->to = import.subject;
  link->from = import.to.empty() ? import.subject : import.to;
  link->share = import.share;
  link->allow_trace = exported.allow_trace;
  link->response_type = exported.response_type;
  if (exported.response_threshold.ns > 0) link->threshold = exported.response_threshold;
  link->latency = exported.latency;
  if (subject::is_literal(link->to)) return link;
  if (link->to == link->from) {
    link->keeps_subject = true;
    return link;
  }
  // Numbers stand on the local side only.
  link->to = without_numbers(link->to);
  const std::string numbered = subject::number_wildcards(link->from);
  link->from = without_numbers(link->from);
  link->transform = make_transform(link->from, reversed(link->to, numbered));
  return link->transform ? link : nullptr;
}

std::optional<std::string> StreamLink::shadow_subject(Slice local, Prng& prng) const {
  if (local == to) return from;
  std::string narrowed;
  const bool is_inside = subject::is_subset_match(local, to);
  if (!is_inside) {
    if (subject::is_literal(local)) return std::nullopt;
    if (subject::is_subset_match(to, local)) return from;
    narrowed = overlap_of(local, to);
    if (!subject::is_subset_match(narrowed, to)) return std::nullopt;
    local = narrowed;
  }
  if (!reverse) return keeps_subject ? std::string(local) : from;
  std::string shadow;
  reverse->apply(local, prng, shadow);
  return shadow;
}

void StreamLink::local_subject(Slice exported, Prng& prng, std::string& out) const {
  if (transform) {
    transform->apply(exported, prng, out);
  } else {
    out.assign(keeps_subject ? exported : Slice(to));
  }
}

}  // namespace petrel::router
