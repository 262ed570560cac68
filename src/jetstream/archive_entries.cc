#include "jetstream/archive_entries.h"

#include "jetstream/varint.h"

#include "petrel/jetstream/archive.h"

namespace petrel::jetstream {

namespace {

constexpr uint64_t kNameMax = 1 << 20;

}  // namespace

void append_archive_entry(std::string& out, const ArchiveEntry& entry) {
  append_uvarint(out, entry.name.size());
  append_varint(out, entry.time);
  append_uvarint(out, entry.sequence);
  append_uvarint(out, entry.header.size());
  append_uvarint(out, entry.body.size());
  out.append(entry.name).append(entry.header).append(entry.body);
}

EntryOutcome read_archive_entry(Slice bytes, ArchiveEntry& entry, size_t& taken) {
  GoVarintReader reader(bytes);
  const uint64_t name = reader.uvarint();
  entry.time = reader.varint();
  entry.sequence = reader.uvarint();
  const uint64_t header = reader.uvarint();
  const uint64_t body = reader.uvarint();
  if (reader.is_invalid()) return EntryOutcome::kInvalid;
  if (reader.is_cut()) return EntryOutcome::kIncomplete;
  if (name > kNameMax || header > kArchivedMessageMax || body > kArchivedMessageMax - header) {
    return EntryOutcome::kInvalid;
  }
  const Slice rest = reader.rest();
  if (rest.size() < name + header + body) return EntryOutcome::kIncomplete;
  entry.name = rest.substr(0, name);
  entry.header = rest.substr(name, header);
  entry.body = rest.substr(name + header, body);
  taken = bytes.size() - rest.size() + name + header + body;
  return EntryOutcome::kEntry;
}

}  // namespace petrel::jetstream
