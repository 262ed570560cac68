// SubjectIndex against a naive matcher. Input: operations, see IndexHarness.
#include "fuzz/subject/index_harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  petrel::subject::testing::IndexHarness harness(size);
  harness.run(data, size);
  return 0;
}
