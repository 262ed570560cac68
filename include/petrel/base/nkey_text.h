// nkeys as text: base32 of a prefix, 32 bytes of key and a CRC-16. Nothing is signed or verified
// here.
// Thread: pure functions, any thread. Source: spec auth.md 4; nkeys documentation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace petrel {

enum class NkeyKind : uint8_t {
  kOperator = 14 << 3,
  kServer = 13 << 3,
  kCluster = 2 << 3,
  kAccount = 0,
  kUser = 20 << 3,
  kCurve = 23 << 3,
};

using NkeyBytes = std::array<uint8_t, 32>;

// Whether prefix and CRC are right, as nats-server asks when it reads options. The key may still
// have another length than 32 bytes: only decode_public_nkey says that it can be used.
bool is_public_nkey(std::string_view text, NkeyKind kind);
bool is_public_nkey(std::string_view text);  // of any kind, 32 bytes
bool is_user_seed(std::string_view text);

// Nothing when the text is no public key of that kind with 32 bytes.
std::optional<NkeyBytes> decode_public_nkey(std::string_view text, NkeyKind kind);
std::optional<NkeyBytes> decode_seed(std::string_view text, NkeyKind kind);
// The kind that a well-formed public key says it is of.
std::optional<NkeyKind> public_nkey_kind(std::string_view text);

std::string encode_public_nkey(NkeyKind kind, const NkeyBytes& key);
std::string encode_seed(NkeyKind kind, const NkeyBytes& seed);

}  // namespace petrel
