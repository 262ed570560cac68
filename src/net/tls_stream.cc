#include "petrel/net/tls_stream.h"

#include "net/certificate_names.h"
#include "net/ocsp_link.h"
#include "net/openssl_types.h"
#include "net/tls_failure.h"

#include "petrel/base/check.h"

#include <climits>
#include <openssl/pem.h>

#include <algorithm>
#include <cstring>

namespace petrel::net {

namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr size_t kRecordOverhead = 64;  // of any suite
constexpr size_t kHelloBytesMax = 32 * 1024;
constexpr unsigned char kHandshakeRecord = 22;
constexpr unsigned char kClientHello = 1;

std::string pem_of(X509* certificate) {
  const Owned<BIO> text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(text.get(), certificate) != 1) return {};
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

}  // namespace

// OpenSSL's end of the wire.
struct TlsStream::Wire {
  static int read(BIO* bio, char* out, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const size_t taken = std::min(static_cast<size_t>(std::max(size, 0)), stream.input_.size());
    if (taken == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(out, stream.input_.data(), taken);
    stream.input_.remove_prefix(taken);
    return static_cast<int>(taken);
  }

  static int write(BIO* bio, const char* bytes, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    stream.output_->append(bytes, static_cast<size_t>(size));
    return size;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO* create(TlsStream& stream) {
    static const Owned<BIO_METHOD> kMethod = [] {
      Owned<BIO_METHOD> method(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "petrel wire"));
      BIO_meth_set_read(method.get(), &Wire::read);
      BIO_meth_set_write(method.get(), &Wire::write);
      BIO_meth_set_ctrl(method.get(), &Wire::control);
      return method;
    }();
    BIO* bio = BIO_new(kMethod.get());
    PETREL_CHECK(bio != nullptr);
    BIO_set_data(bio, &stream);
    BIO_set_init(bio, 1);
    return bio;
  }

  // Keeps why a certificate was refused: the certificate is gone when the handshake has failed.
  static int verified(int is_good, X509_STORE_CTX* store) {
    if (is_good == 1) return 1;
    const auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto& stream = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
    stream.failure_.text =
        verify_failure_text(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get0_cert(store));
    return 0;
  }
};

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context) : context_(std::move(context)) {}

void TlsStream::open() {
  ssl_ = context_->open();
  BIO* wire = Wire::create(*this);
  SSL_set_bio(ssl_, wire, wire);
  SSL_set_app_data(ssl_, this);
  SSL_set_verify(ssl_, SSL_get_verify_mode(ssl_), &Wire::verified);
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

void TlsStream::fail(std::string text, bool is_probe) {
  state_ = State::kFailed;
  if (failure_.text.empty()) failure_.text = std::move(text);
  failure_.is_probe = is_probe;
}

// Before OpenSSL sees them: what is no TLS, and a hello so long that it is an attack on memory.
void TlsStream::inspect_hello() {
  const size_t seen = std::min(handshake_bytes_, first_.size());
  const size_t added = std::min(first_.size() - seen, input_.size());
  std::copy_n(input_.begin(), added, first_.begin() + static_cast<std::ptrdiff_t>(seen));
  const size_t known = seen + added;
  const bool is_record = (known < 1 || first_[0] == kHandshakeRecord) &&
                         (known < 2 || first_[1] == SSL3_VERSION_MAJOR);
  if (!is_record) {
    fail("tls: first record does not look like a TLS handshake", true);
    return;
  }
  const bool is_hello = known < 6 || first_[5] == kClientHello;
  const size_t bytes = size_t{first_[6]} << 16 | size_t{first_[7]} << 8 | first_[8];
  if (!is_hello) {
    fail("tls: unexpected message", false);
  } else if (known == first_.size() && bytes > kHelloBytesMax) {
    fail("tls: handshake message too large", false);
  }
}

// OpenSSL's state costs about 20 KiB, so it is made for clients that have sent something to work
// on.
bool TlsStream::has_first_record() {
  if (ssl_ != nullptr) return true;
  constexpr size_t kHeaderBytes = 5;
  const size_t length = size_t{first_[3]} << 8 | first_[4];
  // What is too long is for OpenSSL to refuse.
  const bool is_whole = handshake_bytes_ >= kHeaderBytes &&
                        (handshake_bytes_ >= kHeaderBytes + length || length > kRecordBytes);
  if (!is_whole || !begin_.empty()) {
    begin_.append(input_);
    input_ = is_whole ? Slice(begin_) : Slice();
  }
  if (is_whole) open();
  return is_whole;
}

void TlsStream::advance(std::string& out) {
  if (state_ != State::kHandshake) return;
  inspect_hello();
  handshake_bytes_ += input_.size();
  if (state_ == State::kHandshake && handshake_bytes_ > kHandshakeBytesMax) {
    fail("tls: handshake too large", false);
  }
  if (state_ == State::kFailed || !has_first_record()) return;
  output_ = &out;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::kOpen;
  } else {
    on_result(result);
  }
  output_ = nullptr;
}

void TlsStream::on_result(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::kClosed;
      return;
    default:
      fail(tls_failure_text(), false);
      return;
  }
}

size_t TlsStream::read(std::span<char> plain, std::string& out) {
  if (state_ != State::kOpen) return 0;
  output_ = &out;
  ERR_clear_error();
  const int room = static_cast<int>(std::min<size_t>(plain.size(), INT_MAX));
  const int result = SSL_read(ssl_, plain.data(), room);
  if (result <= 0) on_result(result);
  output_ = nullptr;
  return result > 0 ? static_cast<size_t>(result) : 0;
}

bool TlsStream::encrypt(Slice plain, std::string& out) {
  output_ = &out;
  ERR_clear_error();
  const int result = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
  if (result <= 0) on_result(result);
  output_ = nullptr;
  return result == static_cast<int>(plain.size());
}

// Small parts share records: each costs about thirty bytes and a pass of the cipher.
size_t TlsStream::write(std::span<const iovec> parts, size_t skip, size_t wire_max,
                        std::string& out) {
  std::array<char, kRecordBytes> record;
  size_t filled = 0;
  size_t taken = 0;
  for (const iovec& part : parts) {
    Slice rest(static_cast<const char*>(part.iov_base), part.iov_len);
    const size_t skipped = std::min(skip, rest.size());
    rest.remove_prefix(skipped);
    skip -= skipped;
    while (!rest.empty()) {
      const size_t used = out.size() + filled + kRecordOverhead;
      if (used >= wire_max) break;
      const bool is_whole =
          filled == 0 && rest.size() >= kRecordBytes && wire_max - used >= kRecordBytes;
      const size_t count = std::min({rest.size(), kRecordBytes - filled, wire_max - used});
      if (!is_whole) {
        std::copy_n(rest.data(), count, record.begin() + static_cast<std::ptrdiff_t>(filled));
      }
      filled += count;
      if (filled == kRecordBytes) {
        if (!encrypt(is_whole ? rest.substr(0, count) : Slice(record.data(), filled), out))
          return taken;
        taken += filled;
        filled = 0;
      }
      rest.remove_prefix(count);
    }
  }
  if (filled > 0 && encrypt(Slice(record.data(), filled), out)) taken += filled;
  return taken;
}

void TlsStream::shut_down(std::string& out) {
  if (state_ != State::kOpen) return;
  output_ = &out;
  SSL_shutdown(ssl_);
  ERR_clear_error();
  output_ = nullptr;
  state_ = State::kClosed;
}

std::shared_ptr<const TlsPeer> TlsStream::peer() const {
  auto peer = std::make_shared<TlsPeer>();
  peer->version = SSL_version(ssl_) == TLS1_3_VERSION ? "1.3" : "1.2";
  const char* suite = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_));
  peer->cipher_suite = suite == nullptr ? "" : suite;
  const Owned<X509> own(SSL_get1_peer_certificate(ssl_));
  if (own == nullptr) return peer;
  peer->identity = identity_of(own.get());
  peer->certificates.push_back(describe(own.get()));
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    peer->certificates.push_back(describe(sk_X509_value(chain, i)));
  }
  const STACK_OF(X509)* verified = SSL_get0_verified_chain(ssl_);
  for (int i = 0; context_->keeps_certificates() && i < sk_X509_num(verified); ++i) {
    peer->verified_chain.push_back(pem_of(sk_X509_value(verified, i)));
  }
  return peer;
}

std::vector<OcspLink> TlsStream::links_to_check() const {
  std::vector<OcspLink> links;
  if (!context_->asks_responders()) return links;
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl_);
  bool has_responders = false;
  for (int i = 0; i + 1 < sk_X509_num(chain); ++i) {
    links.push_back(link_of(sk_X509_value(chain, i), sk_X509_value(chain, i + 1)));
    has_responders = has_responders || !links.back().responders.empty();
  }
  if (!has_responders) links.clear();
  return links;
}

}  // namespace petrel::net
