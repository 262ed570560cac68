// SubscriberList: who subscribed to one subject. One subscriber costs no allocation; with many,
// removal finds its place by a table, so that a million subscribers of one subject can leave.
#pragma once

#include "petrel/subject/subject_index.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace petrel::subject {

class SubscriberList {
 public:
  void add(const Subscriber& subscriber) {
    if (many_ == nullptr && !has_one_) {
      one_ = subscriber;
      has_one_ = true;
      return;
    }
    if (many_ == nullptr) {
      many_ = std::make_unique<Many>();
      many_->items.push_back(one_);
    }
    many_->items.push_back(subscriber);
    if (many_->items.size() > kScanMax || !many_->positions.empty()) many_->index_from();
  }

  bool remove(const Subscriber& subscriber) {
    if (many_ == nullptr) {
      if (!has_one_ || !(one_ == subscriber)) return false;
      has_one_ = false;
      return true;
    }
    if (!many_->remove(subscriber)) return false;
    if (many_->items.empty()) {
      many_.reset();
      has_one_ = false;
    }
    return true;
  }

  bool is_empty() const { return many_ == nullptr && !has_one_; }

  void append_to(std::vector<Subscriber>& out) const {
    if (many_ != nullptr) {
      out.insert(out.end(), many_->items.begin(), many_->items.end());
    } else if (has_one_) {
      out.push_back(one_);
    }
  }

 private:
  static constexpr size_t kScanMax = 64;  // longer lists are searched by table

  struct Many {
    std::vector<Subscriber> items;
    std::unordered_map<uint64_t, uint32_t> positions;  // only above kScanMax

    static uint64_t key_of(const Subscriber& s) { return (uint64_t{s.loop} << 32) | s.slot; }

    void index_from() {
      for (size_t i = positions.size(); i < items.size(); ++i) {
        positions[key_of(items[i])] = static_cast<uint32_t>(i);
      }
    }

    bool remove(const Subscriber& subscriber) {
      size_t at = 0;
      if (!positions.empty()) {
        const auto found = positions.find(key_of(subscriber));
        if (found == positions.end()) return false;
        at = found->second;
        positions.erase(found);
      } else {
        while (at < items.size() && !(items[at] == subscriber)) ++at;
        if (at == items.size()) return false;
      }
      if (at + 1 != items.size()) {
        items[at] = items.back();
        if (!positions.empty()) positions[key_of(items[at])] = static_cast<uint32_t>(at);
      }
      items.pop_back();
      return true;
    }
  };

  std::unique_ptr<Many> many_;
  Subscriber one_;
  bool has_one_ = false;
};

// The plain subscribers of one subject and its queue groups.
class InterestSet {
 public:
  void add(Slice queue, const Subscriber& subscriber) {
    if (queue.empty()) {
      plain_.add(subscriber);
      return;
    }
    if (groups_ == nullptr) groups_ = std::make_unique<std::vector<Group>>();
    for (Group& group : *groups_) {
      if (group.queue != queue) continue;
      group.members.add(subscriber);
      return;
    }
    groups_->push_back({std::string(queue), {}});
    groups_->back().members.add(subscriber);
  }

  bool remove(Slice queue, const Subscriber& subscriber) {
    if (queue.empty()) return plain_.remove(subscriber);
    if (groups_ == nullptr) return false;
    for (Group& group : *groups_) {
      if (group.queue != queue) continue;
      if (!group.members.remove(subscriber)) return false;
      if (group.members.is_empty()) {
        std::swap(group, groups_->back());
        groups_->pop_back();
        if (groups_->empty()) groups_.reset();
      }
      return true;
    }
    return false;
  }

  bool is_empty() const { return plain_.is_empty() && groups_ == nullptr; }

  void append_to(MatchResult& result) const {
    plain_.append_to(result.plain);
    if (groups_ == nullptr) return;
    for (const Group& group : *groups_) {
      const auto begin = static_cast<uint32_t>(result.members.size());
      group.members.append_to(result.members);
      result.groups.push_back({begin, static_cast<uint32_t>(result.members.size()), group.queue});
    }
  }

 private:
  struct Group {
    std::string queue;
    SubscriberList members;
  };
  SubscriberList plain_;
  std::unique_ptr<std::vector<Group>> groups_;
};

}  // namespace petrel::subject
