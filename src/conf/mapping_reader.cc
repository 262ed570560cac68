#include "conf/mapping_reader.h"

#include "conf/subject_mapping.h"
#include "conf/subject_text.h"

#include <map>
#include <optional>
#include <set>

namespace petrel::conf {
namespace {

struct Draft {
  MappingDestination destination = {};
  bool has_weight = false;
};

Step set_weight(Context& context, Draft& draft, const Node& node, int64_t weight) {
  if (weight < 0 || weight > 100) {
    return stop(context, &node,
                "Invalid weight " + std::to_string(weight) + " for mapping destination");
  }
  draft.destination.weight = static_cast<uint8_t>(weight);
  draft.has_weight = true;
  return Step::kNext;
}

Step weight(Context& context, Draft& draft, const Field& field) {
  if (const int64_t* number = field.node.integer()) {
    return set_weight(context, draft, field.node, *number);
  }
  const std::string* text = field.node.string();
  if (text == nullptr) {
    return stop(context, &field.node,
                "Unknown entry type for weight of " + value_text(field.node.value) + "\n");
  }
  std::string digits = *text;
  if (!digits.empty() && digits.back() == '%') digits.pop_back();
  const auto number = parse_int(digits, "");
  if (!number) {
    return stop(context, &field.node,
                "Invalid weight " + go_quote(digits) + " for mapping destination");
  }
  return set_weight(context, draft, field.node, *number);
}

template <std::string MappingDestination::* Member>
Step text(Context& context, Draft& draft, const Field& field) {
  const std::string* value = want_string(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.destination.*Member = *value;
  return Step::kNext;
}

const Block<Draft>& destination_block() {
  static const Rule<Draft> kRules[] = {
      {"dest|destination", text<&MappingDestination::subject>},
      {"weight", weight},
      {"cluster", text<&MappingDestination::cluster>},
  };
  static const Block<Draft> kBlock{
      .rules = kRules,
      .guarded = false,
      .unknown_before = "Unknown field ",
      .unknown_after = " for mapping destination",
      .unknown = Unknown::kAlwaysStops,
  };
  return kBlock;
}

// { destination, weight, cluster }
Step read_destination(Context& context, const Node& node,
                      std::vector<MappingDestination>& destinations) {
  const Map* map = node.map();
  if (map == nullptr) {
    return stop(context, &node, "Expected an entry for the mapping destination");
  }
  Draft draft;
  const Step step = read_block(context, *map, destination_block(), draft);
  if (step != Step::kNext) return step;
  if (!draft.has_weight) {
    return stop(context, &node,
                "Missing weight for mapping destination " + go_quote(draft.destination.subject));
  }
  destinations.push_back(std::move(draft.destination));
  return Step::kNext;
}

// What is wrong with the destinations of one source, "" if nothing is.
std::string problem_of(const MappingOptions& mapping) {
  std::set<std::string> seen;
  std::map<std::string, int> total;  // per cluster
  for (const MappingDestination& destination : mapping.destinations) {
    if (!seen.insert(destination.subject).second) {
      return "duplicate entry for " + go_quote(destination.subject);
    }
    total[destination.cluster] += destination.weight;
    if (total[destination.cluster] > 100) return "total weight needs to be <= 100";
    const Status valid = check_mapping(mapping.source, destination.subject);
    if (!valid) return valid.error().detail;
  }
  return "";
}

// "dest", { dest, weight } or a list of the latter.
Step read_destinations(Context& context, const Node& node, MappingOptions& mapping) {
  if (const std::string* subject = node.string()) {
    mapping.destinations.push_back({*subject, 100, ""});
    return Step::kNext;
  }
  const Array* array = node.array();
  if (array == nullptr) return read_destination(context, node, mapping.destinations);
  for (const NodePtr& element : *array) {
    context.last = element.get();
    const Step step = read_destination(context, *element, mapping.destinations);
    if (step == Step::kWrongType) return step;
  }
  return Step::kNext;
}

Step read_mapping(Context& context, const Map::Entry& entry, std::vector<MappingOptions>& out) {
  MappingOptions mapping;
  mapping.source = entry.key;
  const Step step = read_destinations(context, *entry.node, mapping);
  if (step != Step::kNext) return step;
  const std::string problem = problem_of(mapping);
  if (problem.empty()) {
    out.push_back(std::move(mapping));
    return Step::kNext;
  }
  const std::string* single = entry.node->string();
  return stop(context, entry.node.get(),
              "Error adding mapping for " + go_quote(entry.key) +
                  (single == nullptr ? "" : " to " + go_quote(*single)) + " : " + problem);
}

}  // namespace

void read_mappings(Context& context, const Node& node, std::vector<MappingOptions>& out) {
  (void)guarded(context, node, [&] {
    const Map* map = want_map(context, node);
    if (map == nullptr) return Step::kWrongType;
    for (const Map::Entry& entry : map->entries()) {
      if (!is_valid_subject(entry.key)) {
        context.report.error(&node, "Subject " + go_quote(entry.key) + " is not a valid subject");
        continue;
      }
      context.last = entry.node.get();
      if (read_mapping(context, entry, out) == Step::kWrongType) return Step::kWrongType;
    }
    return Step::kNext;
  });
}

}  // namespace petrel::conf
