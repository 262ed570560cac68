# libsodium: the digest of a configuration. libcrypto: the check of certificate files under -t.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
target_link_libraries(petrel_conf PRIVATE OpenSSL::Crypto ${PETREL_SODIUM})
# g++ 12 looks into pointers to members of types that a block does not have (reader.h, Assign); the
# branch is never taken.
target_compile_options(petrel_conf PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>)

petrel_compile_for_size(conf)
