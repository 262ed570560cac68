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
  int limit;  // taken when the draw of 0..99 is below
};

// "foo.*.*" -> "foo.$1.$2"
std::string with_markers(Slice source) {
  std::string marked;
  int index = 0;
  for (TokenReader reader(source); reader.next();) {
    if (!marked.empty()) marked.push_back('.');
    if (reader.token() == "*") {
      marked.append("$").append(std::to_string(++index));
    } else {
      marked.append(reader.token());
    }
  }
  return marked;
}

// Lets the rest of the weight go to the source itself (unless it is named: then the rest is lost on
// purpose) and turns weights into limits of a draw.
Status finish(Slice source, bool names_source, std::vector<Destination>& destinations) {
  int total = 0;
  for (const Destination& destination : destinations) total += destination.limit;
  if (total != 100 && !names_source) {
    auto unchanged = SubjectTransform::create(source, with_markers(source));
    if (!unchanged) return unchanged.error();
    destinations.push_back({*std::move(unchanged), 100 - total});
  }
  std::stable_sort(destinations.begin(), destinations.end(),
                   [](const auto& a, const auto& b) { return a.limit < b.limit; });
  int sum = 0;
  for (Destination& destination : destinations) destination.limit = sum += destination.limit;
  return Status::ok();
}

}  // namespace

struct SubjectMapping::Impl {
  std::string source;
  std::vector<Destination> destinations;
  std::map<std::string, std::vector<Destination>, std::less<>> by_cluster;
};

Result<SubjectMapping> SubjectMapping::create(
    Slice source, const std::vector<WeightedDestination>& destinations) {
  if (!is_valid_subject(source)) return Error{Errc::kInvalidArgument, "invalid subject"};
  auto impl = std::make_shared<Impl>();
  impl->source.assign(source);
  std::set<std::string> seen;
  std::map<std::string, int> totals;
  for (const WeightedDestination& entry : destinations) {
    if (!seen.insert(entry.subject).second) {
      return Error{Errc::kInvalidArgument, "duplicate entry for " + go_quote(entry.subject)};
    }
    if (entry.weight > 100) {
      return Error{Errc::kInvalidArgument, "individual weights need to be <= 100"};
    }
    if ((totals[entry.cluster] += entry.weight) > 100) {
      return Error{Errc::kInvalidArgument, "total weight needs to be <= 100"};
    }
    PETREL_TRY(SubjectTransform transform, SubjectTransform::create(source, entry.subject));
    auto& list = entry.cluster.empty() ? impl->destinations : impl->by_cluster[entry.cluster];
    list.push_back({std::move(transform), entry.weight});
  }
  const bool names_source = seen.count(impl->source) != 0;
  PETREL_TRY_STATUS(finish(source, names_source, impl->destinations));
  for (auto& [cluster, list] : impl->by_cluster) {
    PETREL_TRY_STATUS(finish(source, names_source, list));
  }
  SubjectMapping mapping;
  mapping.impl_ = std::move(impl);
  return mapping;
}

bool SubjectMapping::matches(Slice subject) const {
  return subject == impl_->source || is_subset_match(subject, impl_->source);
}

bool SubjectMapping::select(Slice subject, Slice cluster, Prng& prng, std::string& mapped) const {
  const std::vector<Destination>* destinations = &impl_->destinations;
  if (const auto found = impl_->by_cluster.find(cluster); found != impl_->by_cluster.end()) {
    destinations = &found->second;
  }
  const auto draw = static_cast<int>(prng.below(100));
  for (const Destination& destination : *destinations) {
    if (draw >= destination.limit) continue;
    destination.transform.apply(subject, prng, mapped);
    return true;
  }
  return false;
}

}  // namespace petrel::subject
