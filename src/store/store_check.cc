#include "petrel/store/store_check.h"

#include "store/checkpoint_log.h"
#include "store/frame_codec.h"
#include "store/segment_format.h"

#include "petrel/base/crc32c.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace petrel::store {

namespace {

bool is_zero(Slice bytes) {
  return bytes.find_first_not_of('\0') == Slice::npos;
}

std::string range(Slice unit, uint64_t first, uint64_t last) {
  return std::string(unit) + " " + std::to_string(first) +
         (last == first ? std::string() : " to " + std::to_string(last));
}

// One segment file, strictly: what the scan for repairs passes over is damage here.
class SegmentCheck {
 public:
  SegmentCheck(std::string path, Slice file, const FrameCodec& codec, CheckReport& report)
      : path_(std::move(path)), file_(file), codec_(codec), report_(report) {}

  // `record`: what the checkpoint says of the file; null: no checkpoint names it.
  void run(uint64_t id, const SegmentRecord* record) {
    id_ = id;
    uint64_t named = 0;
    if (!parse_segment_head(file_, named) || named != id) {
      report_.damage(path_, range("bytes", 0, kSegmentHeadBytes - 1) + ": the head is damaged");
    }
    const uint64_t valid =
        record == nullptr ? file_.size() : std::min<uint64_t>(record->file_bytes, file_.size());
    if (record != nullptr && record->file_bytes > file_.size()) {
      report_.damage(path_, "is cut: " + std::to_string(file_.size()) + " bytes of " +
                                std::to_string(record->file_bytes));
    }
    walk(file_.substr(0, valid));
    if (record != nullptr) compare(*record);
    report_.messages += sequences_.size();
  }

 private:
  void walk(Slice file) {
    size_t at = std::min<size_t>(kSegmentHeadBytes, file.size());
    while (at < file.size()) {
      FrameHead head;
      const bool is_frame = parse_frame_head(file.substr(at), head) && head.segment == id_;
      if (is_frame && at + kFrameHeadBytes + head.slot_bytes <= file.size()) {
        frame(head, at, file.substr(at + kFrameHeadBytes, head.slot_bytes));
        at += size_t{kFrameHeadBytes} + head.slot_bytes;
        continue;
      }
      const size_t found = file.find("PFRM", at + 1);
      const size_t next = found == Slice::npos ? file.size() : found;
      // What was erased is overwritten with zeros.
      if (!is_zero(file.substr(at, next - at))) damaged(at, next);
      at = next;
    }
  }

  void damaged(size_t first, size_t end) {
    report_.damage(path_, range("bytes", first, end - 1) + " are damaged");
  }

  void frame(const FrameHead& head, size_t at, Slice slot) {
    const size_t begin = at + kFrameHeadBytes;
    if (head.stored_bytes > slot.size()) return damaged(at, begin + slot.size());
    const Slice stored = slot.substr(0, head.stored_bytes);
    if (head.kind == FrameKind::kRecords && head.encoding == 0) {
      return records(stored.substr(0, head.raw_bytes), begin, 1);
    }
    if (crc32c(stored) != head.stored_crc) return damaged(begin, begin + stored.size());
    std::string raw(head.raw_bytes, '\0');
    if (!codec_.decode(head, slot, raw.data())) {
      report_.damage(path_, range("bytes", begin, begin + stored.size() - 1) +
                                ": no key opens them, or they are damaged");
      return;
    }
    if (head.kind == FrameKind::kRecords) records(raw, begin, 0);
  }

  // `step`: how far a place among the records is one in the file (0: they are encoded).
  void records(Slice raw, size_t begin, size_t step) {
    for (size_t at = 0; at < raw.size();) {
      RecordView record;
      if (parse_record(raw.substr(at), record)) {
        sequences_.insert(record.message.sequence);
        at += record.bytes;
        continue;
      }
      size_t next = at + 1;
      while (next < raw.size() && !parse_record(raw.substr(next), record)) ++next;
      if (!is_zero(raw.substr(at, next - at))) damaged(begin + at * step, begin + next * step + 1);
      at = next;
    }
  }

  // Sequences that the checkpoint counts and no record holds.
  void compare(const SegmentRecord& record) {
    if (sequences_.size() >= record.entries) return;
    uint64_t first = 0;  // of the missing ones before `sequence`; 0: none
    const auto is_deleted = [&](uint64_t sequence) {
      return std::any_of(record.deleted.begin(), record.deleted.end(), [&](const PositionRun& run) {
        const uint64_t position = sequence - record.base;
        return position >= run.first && position - run.first < run.second;
      });
    };
    for (uint64_t sequence = record.base; sequence <= record.last + 1; ++sequence) {
      const bool is_missing =
          sequence <= record.last && !sequences_.contains(sequence) && !is_deleted(sequence);
      if (is_missing && first == 0) first = sequence;
      if (is_missing || first == 0) continue;
      report_.damage(path_, range("messages", first, sequence - 1) + " cannot be read");
      first = 0;
    }
  }

  const std::string path_;
  const Slice file_;
  const FrameCodec& codec_;
  CheckReport& report_;
  uint64_t id_ = 0;
  std::set<uint64_t> sequences_;
};

std::optional<CheckpointFile> check_checkpoint(Disk& disk, const std::string& path,
                                               const FrameCodec& codec, CheckReport& report) {
  const Result<std::string> bytes = disk.load(path);
  if (!bytes) return std::nullopt;
  ++report.files;
  report.bytes += bytes->size();
  Result<CheckpointFile> file = parse_checkpoint_file(*bytes, codec);
  if (!file) {
    report.damage(path, file.error().detail);
    return std::nullopt;
  }
  if (file->bytes < bytes->size()) {
    report.notes.push_back({path, range("bytes", file->bytes, bytes->size() - 1) +
                                      ": no whole record; the one before it counts"});
  }
  for (const auto& [first, last] : file->newest.lost) {
    report.damage(path, range("messages", first, last) + " were lost before");
  }
  return *std::move(file);
}

}  // namespace

uint64_t check_store(Disk& disk, const std::string& directory, const Encryption& keys,
                     CheckReport& report) {
  const Result<std::vector<FileEntry>> listed = disk.list(directory);
  if (!listed) {
    if (listed.error().code != Errc::kNotFound) report.damage(directory, listed.error().detail);
    return 0;
  }
  const FrameCodec codec(Compression::kNone, keys);
  const auto checkpoint = check_checkpoint(disk, directory + "/checkpoint", codec, report);
  std::map<uint64_t, const SegmentRecord*> expected;
  if (checkpoint) {
    for (const SegmentRecord& record : checkpoint->newest.segments) expected[record.id] = &record;
  }
  for (const FileEntry& entry : *listed) {
    const uint64_t id = parse_segment_file_name(entry.name);
    if (id == 0 || entry.is_directory) continue;
    const std::string path = directory + "/" + entry.name;
    const Result<std::string> bytes = disk.load(path);
    ++report.files;
    const auto found = expected.find(id);
    const SegmentRecord* record = found == expected.end() ? nullptr : found->second;
    if (found != expected.end()) expected.erase(found);
    if (!bytes) {
      report.damage(path, bytes.error().detail);
      continue;
    }
    report.bytes += bytes->size();
    // What no checkpoint names was not answered for by this file: the journal has it.
    if (record == nullptr && checkpoint) continue;
    SegmentCheck(path, *bytes, codec, report).run(id, record);
  }
  for (size_t i = 0; checkpoint && i < checkpoint->newest.ids.runs.size(); ++i) {
    const IdRunRecord& record = checkpoint->newest.ids.runs[i];
    const std::string path = directory + "/" + id_run_name(record.id);
    ++report.files;
    report.bytes += record.bytes;
    if (IdRun run(disk, codec, path, record); !run.is_whole()) {
      report.damage(path, "message ids cannot be read");
    }
  }
  for (const auto& [id, record] : expected) {
    report.damage(directory + "/" + segment_file_name(id),
                  "is missing: " + range("messages", record->base, record->last));
  }
  return checkpoint ? checkpoint->newest.applied_index : 0;
}

}  // namespace petrel::store
