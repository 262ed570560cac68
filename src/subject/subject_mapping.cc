#include "petrel/subject/subject_mapping.h"

#include "petrel/base/go_quote.h"
#include "petrel/subject/subject.h"
#include "petrel/subject/subject_transform.h"

#include <algorithm>
#include <map>
#include <set>

namespace petrel::subject {

namespace {

struct Destination {
  SubjectTransform transform;
  uint32_t weight = 0;
  uint32_t limit = 0;  // taken when the draw of 0..99 is below
};

Error mapping_list_error(std::string text) {
  return {Errc::kInvalidArgument, std::move(text)};
}

// Adds the share of the source itself and turns weights into limits.
Status finish(Slice source, bool names_source, std::vector<Destination>& destinations) {
  uint32_t total = 0;
  for (const Destination& destination : destinations) total += destination.weight;
  if (total != 100 && !names_source) {
    PETREL_TRY(SubjectTransform unchanged,
               SubjectTransform::create(source, number_wildcards(source)));
    destinations.push_back({std::move(unchanged), 100 - total});
  }
  std::sort(destinations.begin(), destinations.end(),
            [](const auto& a, const auto& b) { return a.weight < b.weight; });
  uint32_t limit = 0;
  for (Destination& destination : destinations) {
    limit += destination.weight;
    destination.limit = limit;
  }
  return {};
}

}  // namespace

struct SubjectMapping::Impl {
  std::string source;
  std::vector<Destination> anywhere;
  std::map<std::string, std::vector<Destination>, std::less<>> by_cluster;
};

Result<SubjectMapping> SubjectMapping::create(
    Slice source, const std::vector<WeightedDestination>& destinations) {
  if (!is_valid_subject(source)) return mapping_list_error("invalid subject");
  auto impl = std::make_shared<Impl>();
  impl->source.assign(source);
  std::set<Slice> seen;
  std::map<Slice, uint32_t> totals;
  for (const WeightedDestination& entry : destinations) {
    if (!seen.insert(entry.subject).second) {
      return mapping_list_error("duplicate entry for " + go_quote(entry.subject));
    }
    if (entry.weight > 100) return mapping_list_error("individual weights need to be <= 100");
    uint32_t& total = totals[entry.cluster];
    total += entry.weight;
    if (total > 100) return mapping_list_error("total weight needs to be <= 100");
    PETREL_TRY_STATUS(check_mapping_destination(source, entry.subject));
    if (entry.subject.empty()) return mapping_list_error("invalid subject");
    PETREL_TRY(SubjectTransform transform, SubjectTransform::create(source, entry.subject));
    auto& list = entry.cluster.empty() ? impl->anywhere : impl->by_cluster[entry.cluster];
    list.push_back({std::move(transform), entry.weight});
  }
  const bool names_source = seen.count(source) != 0;
  PETREL_TRY_STATUS(finish(source, names_source, impl->anywhere));
  for (auto& [cluster, list] : impl->by_cluster) {
    PETREL_TRY_STATUS(finish(source, names_source, list));
  }
  SubjectMapping mapping;
  mapping.impl_ = std::move(impl);
  return mapping;
}

const std::string& SubjectMapping::source() const {
  return impl_->source;
}

bool SubjectMapping::matches(Slice subject) const {
  return subject == impl_->source || is_subset_match(subject, impl_->source);
}

bool SubjectMapping::select(Slice subject, Slice cluster, Prng& prng, std::string& mapped) const {
  const std::vector<Destination>* destinations = &impl_->anywhere;
  if (!impl_->by_cluster.empty()) {
    const auto found = impl_->by_cluster.find(cluster);
    if (found != impl_->by_cluster.end()) destinations = &found->second;
  }
  const bool is_only_one = destinations->size() == 1 && destinations->front().limit == 100;
  const uint64_t draw = is_only_one ? 0 : prng.below(100);
  for (const Destination& destination : *destinations) {
    if (draw >= destination.limit) continue;
    destination.transform.apply(subject, prng, mapped);
    return true;
  }
  return false;
}

}  // namespace petrel::subject
