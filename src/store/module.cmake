# libsodium: encryption at rest.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_store PRIVATE ${PETREL_SODIUM})

# What no message waits for: the list of files of a store.
petrel_compile_for_size(store MATCHING "file_store_files")
