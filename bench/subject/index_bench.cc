// Cost of matching, subscribing and asking whether a kept result still holds, at 1, 1,000 and
// 1,000,000 subscriptions; and the memory of one subscription.
#include "petrel/base/prng.h"
#include "petrel/subject/subject_index.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <malloc.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using petrel::Prng;
using petrel::subject::InterestStamp;
using petrel::subject::MatchResult;
using petrel::subject::SubjectIndex;

enum Kind : int64_t { kLiteral, kPattern, kInbox, kQueue };

// About 20 bytes each.
std::string subject_of(Kind kind, uint32_t i) {
  const std::string number = std::to_string(10'000'000 + i);
  switch (kind) {
    case kPattern:
      return "orders." + number + ".eu.*";
    case kInbox:
      return "_INBOX." + number + "xyz.*";
    default:
      return "orders.eu." + number + "ab";
  }
}

// A subject that only the subscription with this number wants.
std::string published_of(Kind kind, uint32_t i) {
  std::string subject = subject_of(kind, i);
  if (subject.back() == '*') subject.replace(subject.size() - 1, 1, "new");
  return subject;
}

std::unique_ptr<SubjectIndex> make_index(Kind kind, uint32_t count) {
  auto index = std::make_unique<SubjectIndex>();
  for (uint32_t i = 0; i < count; ++i) {
    index->insert(subject_of(kind, i), kind == kQueue ? "workers" : "", {i, 1, 0, 0});
  }
  return index;
}

// Built once: the harness calls each benchmark several times.
SubjectIndex& shared_index(Kind kind, uint32_t count) {
  static std::map<std::pair<Kind, uint32_t>, std::unique_ptr<SubjectIndex>> indexes;
  std::unique_ptr<SubjectIndex>& index = indexes[{kind, count}];
  if (index == nullptr) index = make_index(kind, count);
  return *index;
}

std::vector<std::string> random_subjects(Kind kind, uint32_t count) {
  constexpr size_t kSubjects = 1 << 17;  // more than the caches hold
  Prng prng(1);
  std::vector<std::string> subjects(kSubjects);
  for (std::string& subject : subjects) {
    subject = published_of(kind, static_cast<uint32_t>(prng.below(count)));
  }
  return subjects;
}

void match_random(benchmark::State& state, Kind kind) {
  const auto count = static_cast<uint32_t>(state.range(0));
  const SubjectIndex& index = shared_index(kind, count);
  const std::vector<std::string> subjects = random_subjects(kind, count);
  MatchResult result;
  InterestStamp stamp;
  size_t at = 0;
  size_t found = 0;
  for (auto _ : state) {
    index.match(subjects[at++ % subjects.size()], result, stamp);
    found += result.plain.size();
  }
  if (found != static_cast<size_t>(state.iterations())) state.SkipWithError("wrong result");
}

void BM_MatchLiteral(benchmark::State& state) {
  match_random(state, kLiteral);
}
BENCHMARK(BM_MatchLiteral)->Arg(1)->Arg(1000)->Arg(1'000'000);

void BM_MatchPattern(benchmark::State& state) {
  match_random(state, kPattern);
}
BENCHMARK(BM_MatchPattern)->Arg(1)->Arg(1000)->Arg(1'000'000);

void BM_SubscribeAndUnsubscribe(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(1));
  const auto count = static_cast<uint32_t>(state.range(0));
  SubjectIndex& index = shared_index(kind, count);
  uint32_t i = count;
  for (auto _ : state) {
    const std::string subject = subject_of(kind, ++i);
    index.insert(subject, "", {i, 1, 0, 0});
    index.remove(subject, "", {i, 1, 0, 0});
  }
}
BENCHMARK(BM_SubscribeAndUnsubscribe)
    ->ArgNames({"subscriptions", "kind"})
    ->ArgsProduct({{1, 1000, 1'000'000}, {kLiteral, kPattern}});

void BM_IsCurrentWhenNothingChanged(benchmark::State& state) {
  const SubjectIndex& index = shared_index(kPattern, 1000);
  MatchResult result;
  InterestStamp stamp;
  index.match("orders.eu.new", result, stamp);
  for (auto _ : state) benchmark::DoNotOptimize(index.is_current(stamp));
}
BENCHMARK(BM_IsCurrentWhenNothingChanged);

// The change itself, which is most of it, is BM_SubscribeAndUnsubscribe.
void BM_IsCurrentAfterOtherChanges(benchmark::State& state) {
  SubjectIndex index;
  MatchResult result;
  InterestStamp stamp;
  index.match("orders.eu.new", result, stamp);
  index.insert("invoices.>", "", {1, 1, 0, 0});
  const InterestStamp old = stamp;
  bool is_current = true;
  for (auto _ : state) {
    stamp = old;
    benchmark::DoNotOptimize(stamp);
    is_current = index.is_current(stamp) && is_current;
  }
  if (!is_current) state.SkipWithError("stale by a change elsewhere");
}
BENCHMARK(BM_IsCurrentAfterOtherChanges);

size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void BM_BytesPerSubscription(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  constexpr uint32_t kCount = 1'000'000;
  double bytes = 0;
  for (auto _ : state) {
    const size_t before = bytes_in_use();
    const std::unique_ptr<SubjectIndex> index = make_index(kind, kCount);
    bytes = static_cast<double>(bytes_in_use() - before) / kCount;
  }
  state.counters["bytes_per_subscription"] = bytes;
}
BENCHMARK(BM_BytesPerSubscription)
    ->ArgName("kind")
    ->Arg(kLiteral)
    ->Arg(kPattern)
    ->Arg(kInbox)
    ->Arg(kQueue)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
