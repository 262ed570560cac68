# libcrypto: the digest of a configuration, and the check of certificate files under -t.
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
target_link_libraries(petrel_conf PRIVATE OpenSSL::Crypto)
