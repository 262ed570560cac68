// SubjectTransform and SubjectMapping: any source, destination and subject, one a line. Whatever
// can be made can be applied to whatever it matches, and gives the same each time.
#include "petrel/base/check.h"
#include "petrel/subject/subject.h"
#include "petrel/subject/subject_mapping.h"
#include "petrel/subject/subject_transform.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using petrel::Prng;
using petrel::Slice;
namespace subject = petrel::subject;

Slice take_line(Slice& text) {
  const size_t end = text.find('\n');
  const Slice line = text.substr(0, end);
  text.remove_prefix(end == Slice::npos ? text.size() : end + 1);
  return line;
}

void transform(Slice source, Slice destination, Slice published, subject::TransformMode mode) {
  if (destination.empty()) return;
  const auto made = subject::SubjectTransform::create(source, destination, mode);
  if (!made || !made->matches(published)) return;
  Prng prng(published.size());
  std::string out;
  made->apply(published, prng, out);
  // Equal input, equal output; what was in `out` before does not matter.
  Prng again(published.size());
  std::string other = "something else";
  made->apply(published, again, other);
  PETREL_CHECK_STATE(out == other, out.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Slice text(reinterpret_cast<const char*>(data), size);
  const Slice source = take_line(text);
  const Slice destination = take_line(text);
  const Slice published = take_line(text);
  transform(source, destination, published, subject::TransformMode::kAny);
  transform(source, destination, published, subject::TransformMode::kReversible);
  const auto mapping =
      subject::SubjectMapping::create(source, {{std::string(destination), 60, ""}});
  if (!mapping || !mapping->matches(published)) return 0;
  Prng prng(1);
  std::string mapped;
  for (int i = 0; i < 8; ++i) mapping->select(published, Slice(), prng, mapped);
  return 0;
}
