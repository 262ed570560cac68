# zlib, linked statically: answers in gzip.
find_library(PETREL_ZLIB NAMES libz.a REQUIRED)
target_link_libraries(petrel_system PRIVATE ${PETREL_ZLIB})

# Requests to the system account, and events.
petrel_compile_for_size(system)
