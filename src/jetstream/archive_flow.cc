#include "petrel/jetstream/archive_flow.h"

#include <algorithm>
#include <utility>

namespace petrel::jetstream {

namespace {

constexpr int64_t kChunkDefault = 128 * 1024;
constexpr int64_t kChunkMin = 1024;
constexpr int64_t kChunkMax = 1024 * 1024;
constexpr int64_t kWindowDefault = 8 * 1024 * 1024;
constexpr int64_t kWindowMax = 32 * 1024 * 1024;

int64_t chunk_of(const StreamSnapshotRequest& request) {
  const int64_t wanted = request.chunk_size == 0 ? kChunkDefault : request.chunk_size;
  return std::clamp(wanted, kChunkMin, kChunkMax);
}

int64_t window_of(const StreamSnapshotRequest& request) {
  const int64_t wanted = request.window_size == 0 ? kWindowDefault : request.window_size;
  return std::max(std::clamp(wanted, kChunkMin, kWindowMax), chunk_of(request));
}

}  // namespace

ArchiveFlow::ArchiveFlow(const StreamSnapshotRequest& request, std::string ack_subject, Instant now)
    : ack_subject_(std::move(ack_subject)),
      chunk_bytes_(static_cast<size_t>(chunk_of(request))),
      window_(static_cast<size_t>(window_of(request) / chunk_of(request))),
      last_sent_(now) {}

std::optional<ArchiveFlow::Chunk> ArchiveFlow::next(Instant now) {
  if (is_over_) return std::nullopt;
  if (status_.empty() && on_the_way_ >= window_ && now >= deadline()) {
    stop("408 No Flow Response");
  }
  if (!status_.empty()) return last_chunk();
  if (on_the_way_ >= window_) return std::nullopt;
  if (buffer_.size() >= chunk_bytes_) {
    Chunk chunk;
    chunk.body = buffer_.substr(0, chunk_bytes_);
    buffer_.erase(0, chunk_bytes_);
    chunk.reply =
        ack_subject_ + "." + std::to_string(chunk_bytes_) + "." + std::to_string(++index_);
    ++on_the_way_;
    last_sent_ = now;
    return chunk;
  }
  if (!is_finished_) return std::nullopt;
  if (!buffer_.empty()) return Chunk{.body = std::exchange(buffer_, {})};
  return last_chunk();
}

void ArchiveFlow::stop(std::string status) {
  buffer_.clear();
  is_finished_ = true;
  status_ = std::move(status);
}

// Says that it went well only if whole chunks were sent before, as nats-server does.
ArchiveFlow::Chunk ArchiveFlow::last_chunk() {
  is_over_ = true;
  const std::string status = status_.empty() && index_ > 0 ? "204" : status_;
  return {.header = status.empty() ? status : "NATS/1.0 " + status + "\r\n\r\n"};
}

}  // namespace petrel::jetstream
