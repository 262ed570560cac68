// Keeps the memory of an idle server small.
//
// Thread: main.
#pragma once

namespace petrel::server {

// Before the first thread starts.
void tune_allocator();

// Gives back what only the start needed: read-only pages of the program and its libraries
// (relocations, the parsers of configuration and flags), which come back from the file should they
// be needed again. Also sets what only a running server wants from the allocator.
void release_startup_memory();

}  // namespace petrel::server
