# libsodium: encryption at rest.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_store PRIVATE ${PETREL_SODIUM})
