// Archives made by nats-server 2.15.2 (tests/conformance/archives) and by ourselves.
#include "petrel/jetstream/archive.h"

#include "jetstream/archive_consumer.h"
#include "jetstream/highway_hash.h"
#include "jetstream/s2_stream.h"

#include "petrel/base/prng.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace petrel::jetstream {
namespace {

using Json = nlohmann::json;

const std::string kFolder = PETREL_SOURCE_DIR "/tests/conformance/archives/";

std::string read_file(const std::string& name) {
  std::ifstream file(kFolder + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What an archive tells, in the form of expected.json.
class Collector : public ArchiveReader::Sink {
 public:
  Status on_state(const StreamStateView& view) override {
    state = view;
    return {};
  }
  Status on_stream(const StreamConfig& was, WallTime time) override {
    config = was;
    created = time;
    return {};
  }
  Status on_consumer(const ArchivedConsumer& consumer) override {
    consumers[consumer.name] = consumer;
    return {};
  }
  Status on_message(const StoredMessageView& message) override {
    messages[message.seq] = Json::parse(message_get_json(message))["message"];
    return {};
  }
  Status on_removed(uint64_t sequence) override {
    messages.erase(sequence);
    return {};
  }

  Json all_messages() const {
    Json list = Json::array();
    for (const auto& [sequence, message] : messages) list.push_back(message);
    return list;
  }

  StreamStateView state;
  StreamConfig config;
  WallTime created;
  std::map<std::string, ArchivedConsumer> consumers;
  std::map<uint64_t, Json> messages;
};

Status read_archive(Slice bytes, size_t chunk, ArchiveReader::Sink& sink) {
  ArchiveReader reader(sink);
  for (size_t at = 0; at < bytes.size(); at += chunk) {
    PETREL_TRY_STATUS(reader.feed(bytes.substr(at, chunk)));
  }
  return reader.finish();
}

void expect_consumers(const Collector& found, const Json& expected) {
  ASSERT_EQ(found.consumers.size(), expected.size());
  for (const auto& [name, wanted] : expected.items()) {
    const ArchivedConsumer& consumer = found.consumers.at(name);
    EXPECT_EQ(consumer.config.name, name);
    EXPECT_EQ(consumer.delivered.consumer_seq, wanted["delivered"]["consumer_seq"]) << name;
    EXPECT_EQ(consumer.delivered.stream_seq, wanted["delivered"]["stream_seq"]) << name;
    EXPECT_EQ(consumer.ack_floor.consumer_seq, wanted["ack_floor"]["consumer_seq"]) << name;
    EXPECT_EQ(consumer.ack_floor.stream_seq, wanted["ack_floor"]["stream_seq"]) << name;
    EXPECT_EQ(consumer.pending.size(), wanted["num_ack_pending"]) << name;
    EXPECT_EQ(consumer.redelivered.size(), wanted["num_redelivered"]) << name;
  }
  EXPECT_EQ(found.consumers.at("work").config.filter_subject, "arc.*");
  EXPECT_TRUE(found.consumers.at("work").config.is_durable());
  EXPECT_FALSE(found.consumers.at("idle").config.is_durable());
}

TEST(Archive, ReadsWhatNatsServerSends) {
  const Json expected = Json::parse(read_file("expected.json"));
  const std::string bytes = read_file("v2.s2");
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{4096}, bytes.size()}) {
    Collector found;
    const Status status = read_archive(bytes, chunk, found);
    ASSERT_TRUE(status.is_ok()) << status.error().detail;
    EXPECT_EQ(found.all_messages(), expected["messages"]);
    expect_consumers(found, expected["consumers"]);
    EXPECT_EQ(found.state.messages, expected["state"]["messages"]);
    EXPECT_EQ(found.state.last_seq, expected["state"]["last_seq"]);
  }
}

TEST(Archive, ReadsTheFilesOfOlderServers) {
  const Json expected = Json::parse(read_file("expected.json"));
  const std::string bytes = read_file("v1.s2");
  for (const size_t chunk : {size_t{977}, bytes.size()}) {
    Collector found;
    const Status status = read_archive(bytes, chunk, found);
    ASSERT_TRUE(status.is_ok()) << status.error().detail;
    EXPECT_EQ(found.all_messages(), expected["messages"]);
    expect_consumers(found, expected["consumers"]);
    EXPECT_EQ(found.config.name, "ARC");
    EXPECT_EQ(found.config.metadata.at("k"), "v");
    EXPECT_TRUE(found.config.allow_msg_ttl);
    EXPECT_GT(found.created.ns, 0);
  }
}

// The content of one archive written again.
std::string rewrite(const Collector& content, Slice source) {
  class Copier : public ArchiveReader::Sink {
   public:
    explicit Copier(ArchiveWriter& writer) : writer_(writer) {}
    Status on_state(const StreamStateView&) override { return {}; }
    Status on_stream(const StreamConfig&, WallTime) override { return {}; }
    Status on_consumer(const ArchivedConsumer& consumer) override {
      writer_.add_consumer(consumer);
      return {};
    }
    Status on_message(const StoredMessageView& message) override {
      writer_.add_message(message);
      return {};
    }
    Status on_removed(uint64_t) override { return {}; }

   private:
    ArchiveWriter& writer_;
  };
  ArchiveWriter writer(content.state, {1'000'000'000});
  Copier copier(writer);
  EXPECT_TRUE(read_archive(source, source.size(), copier).is_ok());
  writer.finish();
  return writer.take();
}

TEST(Archive, WhatIsWrittenReadsBackTheSame) {
  const std::string source = read_file("v2.s2");
  Collector content;
  ASSERT_TRUE(read_archive(source, source.size(), content).is_ok());
  const std::string written = rewrite(content, source);
  EXPECT_LT(written.size(), 2 * source.size());
  Collector again;
  const Status status = read_archive(written, 100, again);
  ASSERT_TRUE(status.is_ok()) << status.error().detail;
  EXPECT_EQ(again.all_messages(), content.all_messages());
  for (const auto& [name, consumer] : content.consumers) {
    EXPECT_EQ(archived_consumer_json(again.consumers.at(name)), archived_consumer_json(consumer));
  }
}

TEST(Archive, TruncatedOnesAreRefused) {
  for (const char* name : {"v2.s2", "v1.s2"}) {
    const std::string bytes = read_file(name);
    for (size_t size = 0; size + 1200 < bytes.size(); size += 1 + bytes.size() / 300) {
      Collector found;
      EXPECT_FALSE(read_archive(Slice(bytes).substr(0, size), 500, found).is_ok()) << name << size;
    }
  }
  // Cut between two messages, inside a stream that is whole.
  ArchiveWriter writer({.messages = 1, .first_seq = 1, .last_seq = 1}, {});
  writer.add_message({.subject = "a", .seq = 1});
  writer.finish();
  const std::string whole = writer.take();
  Collector found;
  ASSERT_TRUE(read_archive(whole, whole.size(), found).is_ok());
  std::string plain;
  S2Reader unpack;
  ASSERT_TRUE(unpack.feed(whole, plain).is_ok());
  std::string cut;
  S2Writer pack;
  pack.write(Slice(plain).substr(0, plain.size() - 5), cut);
  pack.flush(cut);
  EXPECT_EQ(read_archive(cut, cut.size(), found).error().detail, "backup was truncated");
}

TEST(Archive, EveryFlippedByteIsNoticedOrHarmless) {
  const std::string bytes = read_file("v2.s2");
  Collector original;
  ASSERT_TRUE(read_archive(bytes, bytes.size(), original).is_ok());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    Collector found;
    if (!read_archive(damaged, 333, found).is_ok()) continue;
    EXPECT_EQ(found.all_messages(), original.all_messages()) << at;
  }
}

std::string packed(const std::string& plain) {
  std::string out;
  S2Writer writer;
  writer.write(plain, out);
  writer.flush(out);
  return out;
}

TEST(Archive, HostileContentIsRefused) {
  const auto refusal = [](const std::string& plain) {
    Collector found;
    const std::string bytes = packed(plain);
    const Status status = read_archive(bytes, bytes.size(), found);
    return status ? std::string("accepted") : status.error().detail;
  };
  EXPECT_EQ(refusal(""), "unexpected EOF");
  EXPECT_EQ(refusal("NATSARC1" + std::string(11, '\xff')), "archive: invalid archive stream");
  // A name of 2^40 bytes.
  EXPECT_EQ(refusal(std::string("NATSARC1") + "\x80\x80\x80\x80\x80\x20" + std::string(4, '\0')),
            "archive: invalid archive stream");
  // State that contradicts itself.
  std::string state = R"({"messages":5,"first_seq":1,"last_seq":2})";
  std::string entry = std::string("NATSARC1") + "\x0a" + std::string(3, '\0') +
                      static_cast<char>(state.size()) + "state.json" + state;
  EXPECT_EQ(refusal(entry), "invalid stream state: message count exceeds sequence range");
  EXPECT_EQ(
      refusal("this is neither of both, but long enough to be looked at" + std::string(600, 'x')),
      "archive/tar: invalid tar header");
}

// A tar header for a file of `size` bytes.
std::string tar_header(const std::string& name, char type, const std::string& size) {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  block.replace(124, size.size(), size);
  block[156] = type;
  block.replace(257, 5, "ustar");
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  block.replace(148, 7, std::string(digits, 6) + '\0');
  return block;
}

TEST(Archive, TarNamesCannotLeaveTheFolder) {
  for (const char* name : {"../x", "/etc/passwd", "obs/../../x", "a\\b"}) {
    const std::string bytes = packed(tar_header(name, '0', "00000000000"));
    Collector found;
    EXPECT_EQ(read_archive(bytes, bytes.size(), found).error().detail, "unexpected content");
  }
  const std::string link = packed(tar_header("meta.inf", '2', "00000000000"));
  Collector found;
  EXPECT_EQ(read_archive(link, link.size(), found).error().detail, "unexpected content");
  const std::string large = packed(tar_header("meta.inf", '0', "77777777777"));
  EXPECT_EQ(read_archive(large, large.size(), found).error().detail,
            "archive/tar: invalid tar header");
}

TEST(S2Stream, KeepsAnyBytes) {
  Prng prng(3);
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(prng.below(1000)) + " some words ";
  for (int i = 0; i < 2'000'000; ++i) text.push_back(static_cast<char>(prng.below(256)));
  const std::string bytes = packed(text);
  EXPECT_LT(bytes.size(), text.size());
  std::string out;
  S2Reader reader;
  for (size_t at = 0; at < bytes.size(); at += 65'537) {
    ASSERT_TRUE(reader.feed(Slice(bytes).substr(at, 65'537), out).is_ok());
  }
  EXPECT_TRUE(reader.is_between_chunks());
  EXPECT_EQ(out, text);
}

TEST(S2Stream, RepeatedOffsetsAndLongCopies) {
  // Literal "abcd"; copy 4 from 4; repeat with lengths 4, 8 + 3, 260 + 5.
  const std::string block = std::string("\x0c") + "abcd" + "\x01\x04" + std::string("\x01\x00", 2) +
                            std::string("\x15\x00\x03", 3) + std::string("\x19\x00\x05\x00", 4);
  constexpr size_t kSize = 4 + 4 + 4 + 11 + 265;
  std::string out(kSize, '?');
  ASSERT_TRUE(s2_decode_block(block, out.data(), out.size()));
  for (size_t i = 0; i < kSize; ++i) ASSERT_EQ(out[i], "abcd"[i % 4]) << i;
  EXPECT_FALSE(s2_decode_block(block, out.data(), kSize - 1));
  EXPECT_FALSE(s2_decode_block(Slice(block).substr(0, 6), out.data(), kSize));
  EXPECT_FALSE(s2_decode_block(std::string("\x01\x00", 2), out.data(), 4));
}

TEST(HighwayHash, EqualsForAnyCutOfTheBytes) {
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes.push_back(static_cast<char>(i * 7));
  for (size_t size = 0; size < bytes.size(); ++size) {
    HighwayHash whole("key");
    whole.update(Slice(bytes).substr(0, size));
    HighwayHash parts("key");
    parts.update(Slice(bytes).substr(0, size / 3));
    parts.update(Slice(bytes).substr(size / 3, size - size / 3));
    ASSERT_EQ(whole.finish(), parts.finish()) << size;
  }
}

}  // namespace
}  // namespace petrel::jetstream
