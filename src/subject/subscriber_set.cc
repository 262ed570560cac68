#include "subject/subscriber_set.h"

#include "petrel/base/hash.h"

#include <memory>

namespace petrel::subject {

namespace {

uint32_t hash_of(const Subscriber& subscriber) {
  constexpr uint64_t kLoopSalt = 0x9fb21c651e98df25ULL;
  const uint64_t name = subscriber.slot | (static_cast<uint64_t>(subscriber.generation) << 32);
  return static_cast<uint32_t>(hash_mix(name ^ 0xa0761d6478bd642fULL, kLoopSalt + subscriber.loop));
}

}  // namespace

SubscriberSet::~SubscriberSet() {
  if (count_ >= 2) delete many_;
}

void SubscriberSet::insert(Subscriber subscriber) {
  if (count_ == 0) {
    std::construct_at(&one_, subscriber);
  } else if (count_ == 1) {
    auto* table = new Table;
    table->insert(hash_of(one_), one_);
    table->insert(hash_of(subscriber), subscriber);
    many_ = table;
  } else {
    many_->insert(hash_of(subscriber), subscriber);
  }
  ++count_;
}

bool SubscriberSet::erase(Subscriber subscriber) {
  const auto is_equal = [&](const Subscriber& other) { return other == subscriber; };
  if (count_ < 2) {
    if (count_ == 0 || !is_equal(one_)) return false;
  } else {
    Table* table = many_;
    if (!table->erase(hash_of(subscriber), is_equal)) return false;
    if (table->size() == 1) {
      Subscriber last;
      table->for_each([&](const Subscriber& left) { last = left; });
      delete table;
      std::construct_at(&one_, last);
    }
  }
  --count_;
  return true;
}

void SubscriberSet::append_to(std::vector<Subscriber>& out) const {
  if (count_ == 1) out.push_back(one_);
  if (count_ < 2) return;
  many_->for_each([&](const Subscriber& subscriber) { out.push_back(subscriber); });
}

}  // namespace petrel::subject
