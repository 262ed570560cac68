// Header blocks of any form: lookups stay inside the block, and what is set is found.
#include "petrel/base/check.h"
#include "petrel/proto/header_view.h"

#include <cstdint>
#include <string>

using petrel::Slice;
namespace proto = petrel::proto;

namespace {

void check_lookups(Slice block) {
  const proto::HeaderView view(block);
  size_t cursor = 0;
  size_t seen = 0;
  proto::Header header;
  while (view.next(cursor, header)) {
    PETREL_CHECK(++seen <= block.size());
    PETREL_CHECK(header.key.find(':') == Slice::npos);
    PETREL_CHECK(header.value.find("\r\n") == Slice::npos);
    const auto found = view.find(header.key);
    PETREL_CHECK(found.has_value());
    PETREL_CHECK(view.find_any_case(header.key).has_value());
    PETREL_CHECK(found->empty() || (found->data() >= block.data() &&
                                    found->data() + found->size() <= block.data() + block.size()));
  }
  PETREL_CHECK(view.status().size() + view.description().size() <= block.size());
}

void check_changes(Slice block) {
  std::string changed(block);
  proto::remove_header(changed, "A");
  proto::remove_headers_with_prefix(changed, "Nats-");
  PETREL_CHECK(changed.size() <= block.size());
  proto::remove_header_status(changed);

  std::string fresh(proto::kHeaderLine);
  fresh += "\r\n";
  proto::set_header(fresh, "Key", block);
  const auto value = proto::HeaderView(fresh).find("Key");
  PETREL_CHECK(value.has_value());
  proto::replace_header(fresh, "Key", "other");
  PETREL_CHECK(proto::HeaderView(fresh).find("Key") == "other");
  proto::remove_header(fresh, "Key");
  PETREL_CHECK(fresh.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Slice block(reinterpret_cast<const char*>(data), size);
  check_lookups(block);
  check_changes(block);
  return 0;
}
