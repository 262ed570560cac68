# zlib, linked statically: answers in gzip.
find_library(PETREL_ZLIB NAMES libz.a REQUIRED)
target_link_libraries(petrel_system PRIVATE ${PETREL_ZLIB})
