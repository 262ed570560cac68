# libsodium: encryption at rest.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_store PRIVATE ${PETREL_SODIUM})

# `petrel check` alone.
petrel_compile_for_size(store MATCHING "store_check")
