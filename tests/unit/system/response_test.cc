#include "petrel/system/response.h"

#include "petrel/store/snappy_block.h"

#include <gtest/gtest.h>

#include <array>
#include <zlib.h>

namespace petrel::system {
namespace {

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string copy = packed;
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  std::string out;
  std::array<char, 4096> buffer;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END ? out : "damaged";
}

TEST(CompactJson, TakesSpaceOutOfEverythingButTexts) {
  EXPECT_EQ(compact_json("{\n  \"a b\": [\n    1,\n    \"x \\\" y\\\\\"\n  ]\n}"),
            R"({"a b":[1,"x \" y\\"]})");
}

TEST(Envelope, HasDataOrAnError) {
  EXPECT_EQ(success_json("{}", R"({"a":1})"), R"({"server":{},"data":{"a":1}})");
  EXPECT_EQ(success_json("{}", ""), R"({"server":{}})");
  EXPECT_EQ(refusal_json("{}", {400, "no \"x\"", false}),
            R"({"server":{},"error":{"code":400,"description":"no \"x\""}})");
  EXPECT_EQ(refusal_json("{}", {500, "x", true}),
            R"({"server":{},"data":null,"error":{"code":500,"description":"x"}})");
}

TEST(AcceptedEncoding, PrefersSnappyThenGzip) {
  const auto of = [](const std::string& value) {
    return accepted_encoding("NATS/1.0\r\nAccept-Encoding: " + value + "\r\n\r\n");
  };
  EXPECT_EQ(accepted_encoding(""), Encoding::kNone);
  EXPECT_EQ(accepted_encoding("NATS/1.0\r\nX: y\r\n\r\n"), Encoding::kNone);
  EXPECT_EQ(of("gzip, Snappy"), Encoding::kSnappy);
  EXPECT_EQ(of("s2"), Encoding::kSnappy);
  EXPECT_EQ(of("GZIP"), Encoding::kGzip);
  EXPECT_EQ(of("br"), Encoding::kIdentity);
}

TEST(Encode, GzipReadsBackAsWhatItWas) {
  const std::string body(100'000, 'x');
  const EncodedBody encoded = encode(body, Encoding::kGzip);
  EXPECT_EQ(encoded.header, "NATS/1.0\r\nContent-Encoding: gzip\r\n\r\n");
  EXPECT_LT(encoded.body.size(), body.size() / 10);
  EXPECT_EQ(gunzip(encoded.body), body);
}

TEST(Encode, SnappyIsAStreamOfChunksWithChecksums) {
  const EncodedBody encoded = encode(std::string(100, 'x'), Encoding::kSnappy);
  EXPECT_EQ(encoded.header, "NATS/1.0\r\nContent-Encoding: snappy\r\n\r\n");
  const std::string start("\xff\x06\x00\x00sNaPpY\x00", 11);
  ASSERT_EQ(encoded.body.substr(0, start.size()), start);
  std::string plain(100, ' ');
  ASSERT_TRUE(store::snappy_decompress(Slice(encoded.body).substr(18), plain.data(), plain.size()));
  EXPECT_EQ(plain, std::string(100, 'x'));
}

TEST(Encode, SnappyKeepsWhatDoesNotShrink) {
  const std::string body = "ab";
  const EncodedBody encoded = encode(body, Encoding::kSnappy);
  EXPECT_EQ(encoded.body[10], '\x01');
  EXPECT_EQ(encoded.body.substr(18), body);
}

TEST(Encode, WithoutAHeaderNothingIsSaid) {
  const EncodedBody encoded = encode("x", Encoding::kNone);
  EXPECT_EQ(encoded.header, "");
  EXPECT_EQ(encoded.body, "x");
}

}  // namespace
}  // namespace petrel::system
