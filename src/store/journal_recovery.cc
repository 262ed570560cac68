// Reading journals at start, and beginning a new one behind them.
#include "store/journal_format.h"
#include "store/segment_journal.h"

#include "petrel/base/check.h"
#include "petrel/store/journal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <deque>
#include <functional>
#include <map>

namespace petrel::store {

namespace {

constexpr Slice kSuffix = ".journal";

// The number in the name of a segment; 0: not a segment. A reused file keeps its name, what counts
// is the number in its header.
uint64_t number_of(Slice name) {
  constexpr int kBase = 16;
  uint64_t number = 0;
  if (name.size() != 16 + kSuffix.size() || name.substr(16) != kSuffix) return 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 16, number, kBase);
  return error == std::errc{} && end == name.data() + 16 ? number : 0;
}

struct FoundSegment {
  SegmentHeader header;
  std::string path;
  std::string bytes;
};

struct Kept {
  uint64_t index;
  uint64_t term;
  uint8_t kind;
  Slice bytes;
};

class ReadTail final : public JournalTail {
 public:
  std::vector<GroupId> groups() const override {
    std::vector<GroupId> groups;
    for (const auto& [group, records] : records_) groups.push_back(group);
    return groups;
  }
  std::vector<std::string> files() const override { return files_; }
  void add_file(std::string path) { files_.push_back(std::move(path)); }
  // Records are views into what is kept: the segments, and what was decrypted of them.
  void keep(std::string bytes) { kept_.push_back(std::move(bytes)); }
  Status visit(GroupId group, const std::function<void(const JournalRecord&)>& visit) override {
    const auto at = records_.find(group);
    if (at == records_.end()) return Status::ok();
    for (const Kept& kept : at->second) {
      visit({group, kept.index, kept.term, kept.kind, kept.bytes});
    }
    return Status::ok();
  }
  void add(const JournalRecord& record, Slice segment) {
    Slice bytes = record.bytes;
    const std::less<const char*> is_before;
    const bool is_of_segment = !is_before(bytes.data(), segment.data()) &&
                               is_before(bytes.data(), segment.data() + segment.size());
    if (!is_of_segment && !bytes.empty()) {
      keep(std::string(bytes));
      bytes = kept_.back();
    }
    if (last_ == nullptr || last_group_ != record.group) last_ = &records_[record.group];
    last_group_ = record.group;
    last_->push_back({record.index, record.term, record.kind, bytes});
  }
  // By index; of several records of one index the one written last counts.
  void sort() {
    for (auto& [group, records] : records_) {
      const auto is_behind = [](const Kept& a, const Kept& b) { return a.index >= b.index; };
      if (std::adjacent_find(records.begin(), records.end(), is_behind) == records.end()) continue;
      std::stable_sort(records.begin(), records.end(),
                       [](const Kept& a, const Kept& b) { return a.index < b.index; });
      const auto next_of_same = [&records = records](size_t i) {
        return i + 1 < records.size() && records[i + 1].index == records[i].index;
      };
      size_t kept = 0;
      for (size_t i = 0; i < records.size(); ++i) {
        if (next_of_same(i)) continue;
        if (kept != i) records[kept] = std::move(records[i]);
        ++kept;
      }
      records.resize(kept);
    }
  }

 private:
  std::map<GroupId, std::vector<Kept>> records_;
  std::vector<Kept>* last_ = nullptr;  // of last_group_: records of one group come in runs
  GroupId last_group_ = 0;
  std::deque<std::string> kept_;
  std::vector<std::string> files_;
};

// By journal, then number: the order in which they were written.
using Segments = std::map<std::pair<uint64_t, uint64_t>, FoundSegment>;

Result<std::vector<FileEntry>> segment_files(Disk& disk, const std::string& directory) {
  PETREL_TRY(std::vector<FileEntry> entries, disk.list(directory));
  std::erase_if(entries, [](const FileEntry& entry) { return number_of(entry.name) == 0; });
  return entries;
}

Error damaged(const std::string& path, const std::string& what) {
  return {Errc::kCorrupt, "journal segment " + path + ": " + what};
}

// Files that hold nothing yet only get their names into the tail.
Result<Segments> load_segments(Disk& disk, const std::string& directory, ReadTail& tail) {
  PETREL_TRY(const std::vector<FileEntry> files, segment_files(disk, directory));
  Segments segments;
  for (const FileEntry& file : files) {
    FoundSegment found;
    found.path = directory + "/" + file.name;
    PETREL_TRY(found.bytes, disk.load(found.path));
    const Result<SegmentHeader> header = decode_segment_header(found.bytes);
    if (!header && header.error().code == Errc::kNotFound) {
      tail.add_file(found.path);
      continue;
    }
    if (!header) return damaged(found.path, header.error().detail);
    found.header = *header;
    const auto [at, is_new] = segments.try_emplace({header->journal, header->number});
    if (!is_new) return damaged(found.path, "is the same segment as " + at->second.path);
    at->second = std::move(found);
  }
  return segments;
}

// What reading knows of the segments of one journal that it has passed.
struct Passed {
  uint64_t journal = 0;
  uint64_t number = 0;
  uint64_t last_batch = 0;
  std::string end;  // where something is not whole, if anything is not
};

// Segments of one journal follow each other without a gap, and so do their batches.
Status check_order(const FoundSegment& segment, const SegmentContent& content, Passed& passed) {
  const bool follows = segment.header.journal == passed.journal;
  if (follows && segment.header.number != passed.number + 1) {
    return damaged(segment.path, "the segment before it is missing");
  }
  if (!follows) passed = {};
  passed.journal = segment.header.journal;
  passed.number = segment.header.number;
  const bool has_records = content.first_batch != 0 || content.has_torn_batch;
  if (has_records && !passed.end.empty()) {
    return Error{Errc::kCorrupt, "journal segment " + passed.end};
  }
  if (content.first_batch != 0 && passed.last_batch != 0 &&
      content.first_batch != passed.last_batch + 1) {
    return damaged(segment.path, "batches from " + std::to_string(passed.last_batch + 1) + " to " +
                                     std::to_string(content.first_batch - 1) +
                                     " are missing in the segment before it");
  }
  if (content.last_batch != 0) passed.last_batch = content.last_batch;
  if (content.has_torn_batch || content.first_batch == 0) {
    passed.end = segment.path + ": damaged record at offset " + std::to_string(content.end);
  }
  return Status::ok();
}

}  // namespace

Result<std::unique_ptr<JournalTail>> read_journals(Disk& disk, const std::string& directory,
                                                   const std::vector<std::string>& keys) {
  auto tail = std::make_unique<ReadTail>();
  PETREL_TRY(Segments segments, load_segments(disk, directory, *tail));
  Passed passed;
  for (auto& [key, segment] : segments) {
    const Result<SegmentContent> content =
        read_segment(segment.bytes, segment.header, keys, [&](const JournalRecord& record) {
          if (record.kind != kFillerKind) tail->add(record, segment.bytes);
        });
    if (!content) return damaged(segment.path, content.error().detail);
    PETREL_TRY_STATUS(check_order(segment, *content, passed));
    tail->keep(std::move(segment.bytes));
    tail->add_file(segment.path);
  }
  tail->sort();
  return std::unique_ptr<JournalTail>(std::move(tail));
}

void remove_journals(Disk& disk, std::vector<std::string> files, Disk::Done done) {
  if (files.empty()) return done(0);
  const std::string first = std::move(files.front());
  files.erase(files.begin());
  disk.remove_file(first, [&disk, files = std::move(files), done = std::move(done)](int error) {
    if (error != 0 && error != ENOENT) return done(error);
    remove_journals(disk, files, done);
  });
}

Result<std::unique_ptr<Journal>> begin_journal(Disk& disk, const JournalOptions& options,
                                               Journal::Listener& listener) {
  PETREL_CHECK(options.loop < kJournalsMax);
  PETREL_TRY(const std::vector<FileEntry> files, segment_files(disk, options.directory));
  uint64_t highest = 0;
  for (const FileEntry& file : files) highest = std::max(highest, number_of(file.name));
  // Every start has numbers above those of the starts before, and every loop a range of its own
  // among them: on a full disk no file tells that another loop has begun.
  constexpr uint64_t kRange = uint64_t{1} << 34;
  const uint64_t starts = highest / (kRange * kJournalsMax) + 1;
  const uint64_t first = (starts * kJournalsMax + options.loop) * kRange;
  auto journal = std::make_unique<SegmentJournal>(disk, options, listener, first);
  journal->begin();
  return std::unique_ptr<Journal>(std::move(journal));
}

Result<std::unique_ptr<Journal>> open_journal(Disk& disk, const JournalOptions& options,
                                              Journal::Listener& listener) {
  PETREL_TRY(auto journal, begin_journal(disk, options, listener));
  PETREL_TRY_STATUS(journal->await_room());
  return journal;
}

}  // namespace petrel::store
