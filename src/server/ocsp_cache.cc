#include "server/ocsp_cache.h"

#include "server/whole_file.h"

#include <system_error>

namespace petrel::server {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// The fingerprint with the letters that a file name may have.
std::filesystem::path OcspCache::file_of(const net::OcspLink& link) const {
  std::string name = link.fingerprint;
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return std::filesystem::path(options_.local_store) / name;
}

void OcspCache::count(Status status, int64_t by) {
  if (status == Status::kGood) goods_.fetch_add(by, kRelaxed);
  if (status == Status::kRevoked) revokes_.fetch_add(by, kRelaxed);
  if (status == Status::kUnknown) unknowns_.fetch_add(by, kRelaxed);
}

void OcspCache::erase(const std::string& fingerprint) {
  const auto found = answers_.find(fingerprint);
  if (found == answers_.end()) return;
  count(found->second.status, -1);
  answers_.erase(found);
}

void OcspCache::insert(const net::OcspLink& link, const net::OcspAnswer& answer) {
  erase(link.fingerprint);
  if (answers_.size() >= kEntriesMax) erase(answers_.begin()->first);
  answers_[link.fingerprint] = answer;
  count(answer.status, 1);
}

std::optional<net::OcspAnswer> OcspCache::find(const net::OcspLink& link) {
  if (!options_.local) return std::nullopt;
  auto found = answers_.find(link.fingerprint);
  if (found == answers_.end()) {
    const auto kept =
        net::read_ocsp(link, read_whole_file(file_of(link), net::kOcspBytesMax).value_or(""));
    if (kept) insert(link, *kept);
    found = answers_.find(link.fingerprint);
  }
  (found == answers_.end() ? misses_ : hits_).fetch_add(1, kRelaxed);
  if (found == answers_.end()) return std::nullopt;
  return found->second;
}

petrel::Status OcspCache::keep(const net::OcspLink& link, const net::OcspAnswer& answer) {
  if (!options_.local) return petrel::Status::ok();
  insert(link, answer);
  std::error_code ignored;  // the file cannot be written either then
  std::filesystem::create_directories(options_.local_store, ignored);
  return replace_whole_file(file_of(link), answer.der);
}

void OcspCache::drop(const net::OcspLink& link) {
  hits_.fetch_sub(1, kRelaxed);
  misses_.fetch_add(1, kRelaxed);
  const auto found = answers_.find(link.fingerprint);
  if (found == answers_.end()) return;
  if (options_.preserve_revoked && found->second.status == Status::kRevoked) return;
  erase(link.fingerprint);
  std::error_code ignored;  // an old answer is read again and dropped again
  std::filesystem::remove(file_of(link), ignored);
}

OcspCache::Figures OcspCache::figures() const {
  Figures figures;
  figures.hits = hits_.load(kRelaxed);
  figures.misses = misses_.load(kRelaxed);
  figures.revokes = revokes_.load(kRelaxed);
  figures.goods = goods_.load(kRelaxed);
  figures.unknowns = unknowns_.load(kRelaxed);
  figures.size = figures.revokes + figures.goods + figures.unknowns;
  return figures;
}

}  // namespace petrel::server
