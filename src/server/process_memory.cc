#include "server/process_memory.h"

#include <cstdint>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace petrel::server {

namespace {

constexpr int kTrimThreshold = 1 << 20;
constexpr int kMapThreshold = 1 << 20;

// Segments that were never writable hold nothing but what stands in the file.
int release_read_only(dl_phdr_info* program, size_t /*size*/, void* /*unused*/) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = program->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (program->dlpi_addr + segment.p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t end = (program->dlpi_addr + segment.p_vaddr + segment.p_memsz) & ~(page - 1);
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

// One arena for all threads: loops take their memory from pools of their own, and an arena per
// thread would only hold free memory back.
void tune_allocator() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
}

void release_startup_memory() {
  // What a store writes at once would else be mapped, and its pages cleared, for each write. The
  // tables made at start are better mapped: from the heap, calloc would write them.
  mallopt(M_MMAP_THRESHOLD, kMapThreshold);
  malloc_trim(0);
  dl_iterate_phdr(release_read_only, nullptr);
}

}  // namespace petrel::server
