// DistinguishedName: a name such as "CN=x,OU=y,O=z" taken apart, to compare with the subject of a
// certificate.
//
// Thread: any. Source: spec auth.md section 2, RFC 4514.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/tls_peer.h"

#include <optional>
#include <vector>

namespace petrel::auth {

using DistinguishedName = std::vector<RelativeName>;

// Nothing if the text is no distinguished name, or has a value in hexadecimal BER.
std::optional<DistinguishedName> parse_distinguished_name(Slice text);
// Kinds of names are compared without regard to case; the parts of one relative name in any order.
bool is_same_name(const DistinguishedName& a, const DistinguishedName& b);
// The same, with the relative names in any order.
bool has_same_names(const DistinguishedName& a, const DistinguishedName& b);

}  // namespace petrel::auth
