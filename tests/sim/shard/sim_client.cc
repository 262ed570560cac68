#include "sim_client.h"

#include <cstdlib>

namespace petrel::sim {

std::string SimClient::subscribe(const std::string& subject, const std::string& queue) {
  const int sid = next_sid_++;
  subscriptions[sid] = {subject, queue, 0, 0, 0};
  new_subscriptions_.push_back(sid);
  return "SUB " + subject + (queue.empty() ? "" : " " + queue) + " " + std::to_string(sid) + "\r\n";
}

std::string SimClient::unsubscribe(int sid, uint64_t step) {
  subscriptions[sid].unsubscribed_at = step;
  new_unsubscriptions_.push_back(sid);
  return "UNSUB " + std::to_string(sid) + "\r\n";
}

std::string SimClient::ping(uint64_t step) {
  pings_.push_back({step, std::move(new_subscriptions_), std::move(new_unsubscriptions_)});
  new_subscriptions_.clear();
  new_unsubscriptions_.clear();
  return "PING\r\n";
}

void SimClient::take_pong(uint64_t step) {
  const Ping ping = std::move(pings_.front());
  pings_.pop_front();
  for (const int sid : ping.subscribed) subscriptions[sid].confirmed_at = step;
  for (const int sid : ping.unsubscribed) subscriptions[sid].gone_at = step;
  flushed_before = ping.step;
  flushed_at = step;
  last_pong_ping = ping.step;
}

std::string SimClient::take(const std::string& bytes, uint64_t step) {
  input_ += bytes;
  while (true) {
    const size_t end = input_.find("\r\n");
    if (end == std::string::npos) return "";
    const std::string line = input_.substr(0, end);
    size_t used = end + 2;
    std::string frame = line;
    if (line.starts_with("MSG ")) {
      const auto size = static_cast<size_t>(std::atoi(line.c_str() + line.rfind(' ')));
      if (input_.size() < used + size + 2) return "";
      frame += "\n" + input_.substr(used, size);
      used += size + 2;
    }
    input_.erase(0, used);
    if (std::string error = take_line(frame, step); !error.empty()) return error;
  }
}

std::string SimClient::take_line(const std::string& line, uint64_t step) {
  if (line.starts_with("INFO ")) return "";
  if (line == "PONG") {
    if (pings_.empty()) return "a PONG without a PING";
    take_pong(step);
    return "";
  }
  if (!line.starts_with("MSG ")) return "unexpected: " + line;
  // MSG subject sid size\nnumber
  const size_t first = line.find(' ', 4);
  const int sid = std::atoi(line.c_str() + first);
  const uint64_t message = std::strtoull(line.c_str() + line.find('\n') + 1, nullptr, 10);
  const auto found = subscriptions.find(sid);
  if (found == subscriptions.end()) return "a message for an unknown sid: " + line;
  if (found->second.gone_at != 0) return "a message after UNSUB and PONG: " + line;
  received[sid].push_back({message, step});
  return "";
}

}  // namespace petrel::sim
