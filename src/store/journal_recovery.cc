// Reading journals at start, and beginning a new one behind them.
#include "store/journal_format.h"
#include "store/segment_journal.h"

#include "petrel/store/journal.h"

#include <algorithm>
#include <charconv>
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
  std::string bytes;
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
  Status visit(GroupId group, const std::function<void(const JournalRecord&)>& visit) override {
    const auto at = records_.find(group);
    if (at == records_.end()) return Status::ok();
    for (const Kept& kept : at->second) {
      visit({group, kept.index, kept.term, kept.kind, kept.bytes});
    }
    return Status::ok();
  }
  void add(const JournalRecord& record) {
    records_[record.group].push_back(
        {record.index, record.term, record.kind, std::string(record.bytes)});
  }
  void sort() {
    for (auto& [group, records] : records_) {
      std::stable_sort(records.begin(), records.end(),
                       [](const Kept& a, const Kept& b) { return a.index < b.index; });
    }
  }

 private:
  std::map<GroupId, std::vector<Kept>> records_;
  std::vector<std::string> files_;
};

Result<std::vector<FileEntry>> segment_files(Disk& disk, const std::string& directory) {
  PETREL_TRY(std::vector<FileEntry> entries, disk.list(directory));
  std::erase_if(entries, [](const FileEntry& entry) { return number_of(entry.name) == 0; });
  return entries;
}

// Segments of one journal follow each other without a gap in their batches.
Status check_sequence(const FoundSegment& segment, uint64_t last_batch, bool follows) {
  if (!follows || segment.header.first_batch == last_batch + 1) return Status::ok();
  return Error{Errc::kCorrupt, "journal segment " + segment.path + ": batches from " +
                                   std::to_string(last_batch + 1) + " to " +
                                   std::to_string(segment.header.first_batch - 1) +
                                   " are missing in the segment before it"};
}

}  // namespace

Result<std::unique_ptr<JournalTail>> read_journals(Disk& disk, const std::string& directory) {
  PETREL_TRY(const std::vector<FileEntry> files, segment_files(disk, directory));
  auto tail = std::make_unique<ReadTail>();
  std::map<std::pair<uint64_t, uint64_t>, FoundSegment> segments;  // by journal, then number
  for (const FileEntry& file : files) {
    FoundSegment found;
    found.path = directory + "/" + file.name;
    tail->add_file(found.path);
    PETREL_TRY(found.bytes, disk.load(found.path));
    const Result<SegmentHeader> header = decode_segment_header(found.bytes);
    if (!header && header.error().code == Errc::kNotFound) continue;
    if (!header) {
      return Error{Errc::kCorrupt, "journal segment " + found.path + ": " + header.error().detail};
    }
    found.header = *header;
    segments[{header->journal, header->number}] = std::move(found);
  }
  uint64_t journal = 0;
  uint64_t last_batch = 0;
  for (const auto& [key, segment] : segments) {
    PETREL_TRY_STATUS(check_sequence(segment, last_batch, journal == key.first));
    const Result<SegmentContent> content = read_segment(
        segment.bytes, segment.header, [&tail](const JournalRecord& record) { tail->add(record); });
    if (!content) {
      return Error{Errc::kCorrupt,
                   "journal segment " + segment.path + ": " + content.error().detail};
    }
    journal = key.first;
    last_batch = content->last_batch;
  }
  tail->sort();
  return std::unique_ptr<JournalTail>(std::move(tail));
}

Result<std::unique_ptr<Journal>> open_journal(Disk& disk, const JournalOptions& options,
                                              Journal::Listener& listener) {
  PETREL_TRY(const std::vector<FileEntry> files, segment_files(disk, options.directory));
  uint64_t highest = 0;
  for (const FileEntry& file : files) highest = std::max(highest, number_of(file.name));
  // Every loop has a range of numbers of its own.
  constexpr uint64_t kRange = uint64_t{1} << 40;
  const uint64_t first = (highest / kRange + 1) * kRange;
  auto journal = std::make_unique<SegmentJournal>(disk, options, listener, first);
  PETREL_TRY_STATUS(journal->open());
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace petrel::store
