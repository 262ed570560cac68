# libsodium: SHA-256, the keys of nats-server's checksums.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_jetstream PRIVATE ${PETREL_SODIUM})
