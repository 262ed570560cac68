// keep_openssl_memory: lets OpenSSL use again what it gave back. A handshake asks for some hundred
// small blocks and gives all of them back with its connection, more than malloc keeps at hand.
//
// Owner: the process. Thread: once, before anything uses OpenSSL; each thread then keeps its own.
// Limits: 256 KiB per thread. Errors: too late, and OpenSSL goes on with malloc: false.
#pragma once

namespace petrel::net {

bool keep_openssl_memory();

}  // namespace petrel::net
