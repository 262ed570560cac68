#include "net/certificate_names.h"

#include <openssl/objects.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace petrel::net {

namespace {

constexpr std::string_view kDomainComponent = "DC";

struct KnownName {
  int nid;
  std::string_view type;
};
// In Go's order of a subject, which it prints from the end.
constexpr std::array<KnownName, 9> kUsual = {{{NID_countryName, "C"},
                                              {NID_organizationName, "O"},
                                              {NID_organizationalUnitName, "OU"},
                                              {NID_localityName, "L"},
                                              {NID_stateOrProvinceName, "ST"},
                                              {NID_streetAddress, "STREET"},
                                              {NID_postalCode, "POSTALCODE"},
                                              {NID_commonName, "CN"},
                                              {NID_serialNumber, "SERIALNUMBER"}}};

struct Entry {
  int nid = NID_undef;
  int set = 0;  // names of one set make one relative name
  std::string type;
  std::string value;
  std::string der;  // of the value
};

std::string bytes_of(unsigned char* bytes, int size) {
  std::string out = size > 0 ? std::string(bytes, bytes + size) : std::string();
  OPENSSL_free(bytes);
  return out;
}

std::string utf8(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, text);
  return size < 0 ? std::string() : bytes_of(bytes, size);
}

std::string raw(const ASN1_STRING* text) {
  const unsigned char* bytes = ASN1_STRING_get0_data(text);
  return std::string(bytes, bytes + ASN1_STRING_length(text));
}

std::string oid_text(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

std::string hex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15U];
  }
  return out;
}

std::string hex(const std::string& bytes) {
  return hex(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string sha256_hex(const std::string& bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return hex(digest.data(), digest.size());
}

// Empty: the certificate's names have an unusual one of this kind.
std::string known_type(int nid) {
  if (nid == NID_domainComponent) return std::string(kDomainComponent);
  const auto known = std::find_if(kUsual.begin(), kUsual.end(),
                                  [nid](const KnownName& name) { return name.nid == nid; });
  return known == kUsual.end() ? std::string() : std::string(known->type);
}

std::vector<Entry> entries_of(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  std::vector<Entry> entries;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* source = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(source);
    const ASN1_STRING* data = X509_NAME_ENTRY_get_data(source);
    Entry entry;
    entry.nid = OBJ_obj2nid(object);
    entry.set = X509_NAME_ENTRY_set(source);
    entry.type = known_type(entry.nid);
    entry.value = utf8(data);
    if (entry.type.empty()) {
      entry.type = oid_text(object);
      unsigned char* der = nullptr;
      const int size = i2d_ASN1_PRINTABLE(const_cast<ASN1_STRING*>(data), &der);
      entry.der = size < 0 ? std::string() : bytes_of(der, size);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string escaped(std::string_view value) {
  constexpr std::string_view kSpecial = ",+\"\\<>;";
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool is_edge_space = c == ' ' && (i == 0 || i + 1 == value.size());
    const bool is_first_hash = c == '#' && i == 0;
    if (kSpecial.find(c) != std::string_view::npos || is_edge_space || is_first_hash) out += '\\';
    out += c;
  }
  return out;
}

void prepend(std::string& text, const std::string& name) {
  text = text.empty() ? name : name + "," + text;
}

// Names of a kind that occurs several times make one relative name.
std::string usual_names(const std::vector<Entry>& entries) {
  std::string out;
  for (const KnownName& usual : kUsual) {
    const bool is_single = usual.nid == NID_commonName || usual.nid == NID_serialNumber;
    std::string name;
    for (const Entry& entry : entries) {
      if (entry.nid != usual.nid) continue;
      if (is_single) name.clear();  // the last one counts
      name += (name.empty() ? "" : "+") + std::string(usual.type) + "=" + escaped(entry.value);
    }
    if (!name.empty()) prepend(out, name);
  }
  return out;
}

std::string subject_text(const std::vector<Entry>& entries) {
  std::string out;
  for (const Entry& entry : entries) {
    if (entry.nid == NID_domainComponent) {
      prepend(out, "0.9.2342.19200300.100.1.25=#" + hex(entry.der));
    } else if (known_type(entry.nid).empty()) {
      prepend(out, entry.type + "=#" + hex(entry.der));
    }
  }
  const std::string usual = usual_names(entries);
  if (usual.empty()) return out;
  return out.empty() ? usual : usual + "," + out;
}

std::vector<RelativeName> relative_names(const std::vector<Entry>& entries) {
  std::vector<RelativeName> names;
  int set = -1;
  for (const Entry& entry : entries) {
    if (known_type(entry.nid).empty()) return {};
    if (names.empty() || entry.set != set) names.emplace_back();
    set = entry.set;
    names.back().insert(names.back().begin(), {entry.type, entry.value});
  }
  std::reverse(names.begin(), names.end());
  return names;
}

void add_alternative_names(const X509* certificate, CertificateIdentity& identity) {
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_EMAIL) {
      identity.emails.push_back(raw(name->d.rfc822Name));
    } else if (name->type == GEN_DNS) {
      identity.dns_names.push_back(raw(name->d.dNSName));
    } else if (name->type == GEN_URI) {
      identity.uris.push_back(raw(name->d.uniformResourceIdentifier));
    }
  }
}

}  // namespace

CertificateIdentity identity_of(const X509* certificate) {
  CertificateIdentity identity;
  add_alternative_names(certificate, identity);
  const std::vector<Entry> entries = entries_of(certificate);
  identity.subject = relative_names(entries);
  identity.subject_text = usual_names(entries);
  for (const Entry& entry : entries) {
    if (entry.nid != NID_domainComponent) continue;
    identity.domain_components += (identity.domain_components.empty() ? "DC=" : ",DC=");
    identity.domain_components += entry.value;
  }
  return identity;
}

TlsCertificate describe(const X509* certificate) {
  TlsCertificate out;
  out.subject = subject_text(entries_of(certificate));
  unsigned char* der = nullptr;
  const int key_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  out.spki_sha256 = sha256_hex(bytes_of(der, key_size));
  der = nullptr;
  const int size = i2d_X509(certificate, &der);
  out.cert_sha256 = sha256_hex(bytes_of(der, size));
  return out;
}

}  // namespace petrel::net
