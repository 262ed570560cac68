# libcrypto: the digest of a configuration, and the check of certificate files under -t.
set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
target_link_libraries(petrel_conf PRIVATE OpenSSL::Crypto)
# g++ 12 looks into pointers to members of types that a block does not have (reader.h, Assign); the
# branch is never taken.
target_compile_options(petrel_conf PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>)
