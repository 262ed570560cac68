find_package(Threads REQUIRED)
target_link_libraries(petrel_net PUBLIC Threads::Threads)

# The archive: the release binary is one file, and the shared library of 2.3 lacks io_uring_enable_rings.
find_library(PETREL_URING_LIBRARY NAMES liburing.a REQUIRED)
target_link_libraries(petrel_net PRIVATE ${PETREL_URING_LIBRARY})

set(OPENSSL_USE_STATIC_LIBS TRUE)
find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)
target_link_libraries(petrel_net PRIVATE OpenSSL::SSL OpenSSL::Crypto)

# Boost.Beast and Boost.Asio as headers only; nothing of Boost is linked.
find_package(Boost 1.74 REQUIRED)
target_compile_definitions(petrel_net PRIVATE BOOST_ERROR_CODE_HEADER_ONLY BOOST_ASIO_NO_DEPRECATED)
if(PETREL_SANITIZE MATCHES thread)
  # TSan does not know thread fences; asio's mutexes order what its fences would.
  target_compile_definitions(petrel_net PRIVATE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

petrel_compile_for_size(net MATCHING "http_.*|ocsp|tls_context|tls_failure|certificate_names|listen")
