#include "jetstream/subject_overlap.h"

#include "petrel/subject/subject.h"

namespace petrel::jetstream {

SubjectOverlap::SubjectOverlap(const std::vector<std::string>& subjects)
    : subjects_(subjects), nodes_(1) {
  for (const std::string& subject : subjects) insert(subject);
}

void SubjectOverlap::insert(Slice subject) {
  uint32_t at = 0;
  ++nodes_[at].below;
  for (subject::TokenReader reader(subject); reader.next();) {
    const auto next = static_cast<uint32_t>(nodes_.size());
    const auto [found, is_new] = nodes_[at].children.try_emplace(reader.token(), next);
    at = found->second;
    if (is_new) nodes_.emplace_back();
    ++nodes_[at].below;
  }
  ++nodes_[at].ends;
}

const uint32_t* SubjectOverlap::child(uint32_t node, Slice token) const {
  const auto found = nodes_[node].children.find(token);
  return found == nodes_[node].children.end() ? nullptr : &found->second;
}

SubjectOverlap::Query SubjectOverlap::query(Slice subject) const {
  Query query;
  for (subject::TokenReader reader(subject); reader.next();) {
    query.tokens.push_back(reader.token());
    query.path.push_back(*child(query.path.back(), reader.token()));
  }
  return query;
}

bool SubjectOverlap::ends_other(const Query& query, const Step& step) const {
  const bool is_own = step.depth == query.tokens.size() && step.node == query.path.back();
  return nodes_[step.node].ends > (is_own ? 1U : 0U);
}

bool SubjectOverlap::step_collides(Query& query, const Step& step) const {
  if (step.depth == query.tokens.size()) return ends_other(query, step);
  const Slice token = query.tokens[step.depth];
  const Node& node = nodes_[step.node];
  if (subject::is_tail(token)) {
    const bool is_own = step.node == query.path[step.depth];
    return node.below - node.ends > (is_own ? 1U : 0U);
  }
  if (child(step.node, ">") != nullptr) return true;
  if (subject::is_star(token)) {
    for (const auto& [text, next] : node.children) query.open.push_back({next, step.depth + 1});
    return false;
  }
  for (const Slice wanted : {token, Slice("*")}) {
    if (const uint32_t* next = child(step.node, wanted))
      query.open.push_back({*next, step.depth + 1});
  }
  return false;
}

bool SubjectOverlap::step_covers(Query& query, const Step& step) const {
  if (step.depth == query.tokens.size()) return ends_other(query, step);
  const Slice token = query.tokens[step.depth];
  if (const uint32_t* tail = child(step.node, ">")) {
    if (ends_other(query, {*tail, step.depth + 1})) return true;
  }
  if (subject::is_tail(token)) return false;
  if (const uint32_t* star = child(step.node, "*")) query.open.push_back({*star, step.depth + 1});
  if (subject::is_star(token)) return false;
  if (const uint32_t* next = child(step.node, token)) query.open.push_back({*next, step.depth + 1});
  return false;
}

bool SubjectOverlap::collides(size_t place) {
  Query asked = query(subjects_[place]);
  while (!asked.open.empty() && !is_exhausted()) {
    const Step step = asked.open.back();
    asked.open.pop_back();
    ++steps_;
    if (step_collides(asked, step)) return true;
  }
  return false;
}

bool SubjectOverlap::is_covered(size_t place) {
  Query asked = query(subjects_[place]);
  while (!asked.open.empty() && !is_exhausted()) {
    const Step step = asked.open.back();
    asked.open.pop_back();
    ++steps_;
    if (step_covers(asked, step)) return true;
  }
  return false;
}

}  // namespace petrel::jetstream
