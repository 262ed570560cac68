# libsodium: Ed25519 signatures and Curve25519 boxes of nkeys, SHA-512.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_auth PRIVATE ${PETREL_SODIUM})

# Permissions are looked at for each message.
petrel_compile_for_size(auth EXCEPT permissions.cc)
