// The first bytes that a client sends to a port with TLS: cut anywhere, they are taken without
// harm, and what a peer that is not authenticated makes the server say stays small.
#include "unit/net/tls_world.h"

#include "petrel/base/check.h"
#include "petrel/net/tls_stream.h"

#include <cstdint>

using namespace petrel;

namespace {

std::shared_ptr<const net::TlsContext> context() {
  static const std::shared_ptr<const net::TlsContext> kContext = [] {
    const net::TestAuthority authority;
    return net::make_context({.identities = {authority.issue(), authority.issue()},
                              .verify_peer = true,
                              .client_cas = authority.pem()});
  }();
  return kContext;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  net::TlsStream stream(context());
  const size_t step = size_t{data[0]} + 1;  // how the wire is cut
  std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string out;
  while (!wire.empty() && stream.state() == net::TlsStream::State::kHandshake) {
    const std::string_view piece = wire.substr(0, step);
    stream.feed(piece);
    stream.advance(out);
    wire.remove_prefix(piece.size());
  }
  // Nobody gets in without a certificate, and an answer is a few records at most.
  PETREL_CHECK(stream.state() != net::TlsStream::State::kOpen);
  PETREL_CHECK(out.size() < 16 * 1024);
  if (stream.state() == net::TlsStream::State::kFailed)
    PETREL_CHECK(!stream.failure().text.empty());
  return 0;
}
