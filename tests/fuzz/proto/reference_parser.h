// A parser that reads one byte at a time and keeps everything in strings: slow, plain, written
// from the protocol description only. The fast parser must agree with it on every stream.
// Source: spec protocol.md sections 4 to 6.
#pragma once

#include "fuzz/proto/parser_harness.h"

#include <optional>
#include <string>
#include <vector>

namespace petrel::proto::testing {

class ReferenceParser {
 public:
  explicit ReferenceParser(const ParserLimits& limits) : limits_(limits) {}

  Outcome parse(Slice stream) {
    for (const char c : stream) {
      if (!outcome_.error.empty()) break;
      take(c);
    }
    return outcome_;
  }

 private:
  enum class Place { kVerb, kSpace, kSpaces, kLine, kIgnored, kPayload };

  static std::string upper(std::string text) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    return text;
  }

  void take(char c) {
    switch (place_) {
      case Place::kVerb:
        return take_verb(c);
      case Place::kSpace:
        if (c != ' ' && c != '\t') return fail_unknown();
        place_ = Place::kSpaces;
        return;
      case Place::kSpaces:
        if (c == ' ' || c == '\t') return;
        place_ = Place::kLine;
        line_ = std::string(1, c);
        return check_line_length();
      case Place::kLine:
        if (c == '\n') return end_line();
        line_.push_back(c);
        return check_line_length();
      case Place::kIgnored:
        if (c == '\n') finish(Op{.kind = kind()});
        return;
      case Place::kPayload:
        return take_payload(c);
    }
  }

  void take_verb(char c) {
    if (verb_.empty() && limits_.connect_first && c != 'C' && c != 'c') {
      outcome_.error = "authorization";
      return;
    }
    const std::string longer = upper(verb_ + c);
    bool is_prefix = false;
    for (const char* name : kNames) is_prefix |= std::string(name).starts_with(longer);
    if (!is_prefix) return fail_unknown();
    verb_ = longer;
    if (verb_ == "PING" || verb_ == "PONG" || verb_ == "+OK") place_ = Place::kIgnored;
    if (verb_ == "CONNECT" || verb_ == "INFO") place_ = Place::kSpaces;
    if (verb_ == "PUB" || verb_ == "HPUB" || verb_ == "SUB" || verb_ == "UNSUB" ||
        verb_ == "-ERR" || verb_ == "HMSG") {
      place_ = Place::kSpace;
    }
  }

  // The line as nats-server counts it: without the last byte if a CR came after the first byte.
  std::string arguments() const {
    const bool cr = line_.find('\r', 1) != std::string::npos;
    return cr ? line_.substr(0, line_.size() - 1) : line_;
  }

  void check_line_length() {
    if (arguments().size() > limits_.max_control_line) outcome_.error = "control line too long";
  }

  static std::vector<std::string> words(const std::string& text, const std::string& separators) {
    std::vector<std::string> result;
    std::string word;
    for (const char c : text + separators[0]) {
      if (separators.find(c) == std::string::npos) {
        word.push_back(c);
      } else if (!word.empty()) {
        result.push_back(word);
        word.clear();
      }
    }
    return result;
  }

  static int64_t size_of(const std::string& digits) {
    if (digits.empty() || digits.size() > 9) return -1;
    if (digits.find_first_not_of("0123456789") != std::string::npos) return -1;
    return std::stoll(digits);
  }

  void end_line() {
    args_ = arguments();
    if (verb_ == "PUB" || verb_ == "HPUB") return end_publish_line();
    if (verb_ == "HMSG") {
      outcome_.error = "unknown operation in state 41";
      return;
    }
    Op op{.kind = kind(), .args = args_};
    const std::vector<std::string> parts = words(args_, " \t\r\n");
    if (verb_ == "SUB") {
      if (parts.size() != 2 && parts.size() != 3) return refuse("processSub", "Parse Error");
      op.subject = parts.front();
      op.sid = parts.back();
      if (parts.size() == 3) op.queue = parts[1];
    } else if (verb_ == "UNSUB") {
      if (parts.size() != 1 && parts.size() != 2) return refuse("processUnsub", "Parse Error");
      op.sid = parts.front();
      op.max = parts.size() == 2 ? size_of(parts[1]) : -1;
    }
    finish(op);
  }

  void end_publish_line() {
    const bool headers = verb_ == "HPUB";
    const char* const name = headers ? "processHeaderPub" : "processPub";
    if (headers && !limits_.headers) {
      outcome_.error = "message headers not supported";
      return;
    }
    parts_ = words(args_, " \t");
    const size_t sizes = headers ? 2 : 1;
    if (parts_.size() != sizes + 1 && parts_.size() != sizes + 2)
      return refuse(name, "Parse Error");
    size_ = size_of(parts_.back());
    header_size_ = headers ? size_of(parts_[parts_.size() - 2]) : 0;
    if (header_size_ < 0) return refuse(name, "Bad or Missing Header Size");
    if (size_ < 0)
      return refuse(name, headers ? "Bad or Missing Total Size" : "Bad or Missing Size");
    if (header_size_ > size_) return refuse(name, "Header Size larger then TotalSize");
    if (size_ > int64_t{limits_.max_payload}) {
      outcome_.error = "payload of " + std::to_string(size_);
      return;
    }
    payload_.clear();
    place_ = Place::kPayload;
  }

  void take_payload(char c) {
    payload_.push_back(c);
    const auto size = static_cast<size_t>(size_);
    if (payload_.size() == size + 1 && c != '\r') outcome_.error = "unknown operation in state 41";
    if (payload_.size() == size + 2 && c != '\n') outcome_.error = "unknown operation in state 42";
    if (payload_.size() < size + 2 || !outcome_.error.empty()) return;

    const bool headers = verb_ == "HPUB";
    const std::string size_text =
        header_size_ > 0 ? parts_[parts_.size() - 2] + " " + parts_.back() : parts_.back();
    const std::string reply = parts_.size() == (headers ? 4U : 3U) ? parts_[1] : "";
    const std::string behind = (reply.empty() ? "" : reply + " ") + size_text + "\r";
    // An empty header is not passed on: what follows the subject is not what came.
    const bool is_same = headers == (header_size_ > 0) && is_plain(behind);
    const std::string tail = is_same ? behind + "\n" + payload_ : "";
    Op op{.kind = kind(), .subject = parts_.front(), .reply = reply, .args = args_};
    op.size_text = size_text;
    op.message = Slice(payload_).substr(0, size);
    op.header_bytes = static_cast<uint32_t>(header_size_);
    op.tail = tail;
    finish(op);
  }

  // True if the line is the subject, spaces, and exactly `behind`.
  bool is_plain(const std::string& behind) const {
    if (!line_.ends_with(behind)) return false;
    std::string before = line_.substr(0, line_.size() - behind.size());
    while (before.ends_with(' ') || before.ends_with('\t')) before.pop_back();
    return before == parts_.front();
  }

  OpKind kind() const {
    for (size_t i = 0; i < 10; ++i) {
      if (kind_name(static_cast<OpKind>(i)) == verb_) return static_cast<OpKind>(i);
    }
    return OpKind::kPing;
  }

  void finish(const Op& op) {
    outcome_.operations.push_back(render(op));
    verb_.clear();
    place_ = Place::kVerb;
  }

  void refuse(const std::string& name, const std::string& why) {
    outcome_.error = name + " " + why + ": " + go_quote(args_);
  }

  // nats-server numbers the states of its parser; these are the ones in which a verb can fail.
  void fail_unknown() {
    struct State {
      const char* seen;
      int number;
    };
    constexpr State kStates[] = {
        {"", 0},        {"+", 1},     {"+O", 2},   {"-", 4},     {"-E", 5},     {"-ER", 6},
        {"-ERR", 7},    {"C", 10},    {"CO", 11},  {"CON", 12},  {"CONN", 13},  {"CONNE", 14},
        {"CONNEC", 15}, {"H", 18},    {"HP", 19},  {"HPU", 20},  {"HPUB", 21},  {"HM", 24},
        {"HMS", 25},    {"HMSG", 26}, {"P", 29},   {"PU", 30},   {"PUB", 31},   {"PI", 34},
        {"PIN", 35},    {"PO", 37},   {"PON", 38}, {"S", 43},    {"SU", 44},    {"SUB", 45},
        {"U", 59},      {"UN", 60},   {"UNS", 61}, {"UNSU", 62}, {"UNSUB", 63}, {"I", 71},
        {"IN", 72},     {"INF", 73}};
    for (const State& state : kStates) {
      if (verb_ == state.seen) {
        outcome_.error = "unknown operation in state " + std::to_string(state.number);
      }
    }
  }

  static constexpr const char* kNames[] = {"PUB",     "HPUB", "SUB", "UNSUB", "PING", "PONG",
                                           "CONNECT", "INFO", "+OK", "-ERR",  "HMSG"};
  ParserLimits limits_;
  Outcome outcome_;
  Place place_ = Place::kVerb;
  std::string verb_;
  std::string line_;
  std::string args_;
  std::vector<std::string> parts_;
  int64_t size_ = 0;
  int64_t header_size_ = 0;
  std::string payload_;
};

}  // namespace petrel::proto::testing
