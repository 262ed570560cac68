# libxcrypt (bcrypt) and libsodium (keys), linked statically; spdlog and fmt are header-only.
find_library(PETREL_CRYPT NAMES libcrypt.a REQUIRED)
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
find_package(Threads REQUIRED)
target_link_libraries(petrel_server PUBLIC ${PETREL_CRYPT} ${PETREL_SODIUM} Threads::Threads)

# No line of the log holds a fraction.
target_compile_definitions(petrel_server PRIVATE FMT_USE_FLOAT=0 FMT_USE_DOUBLE=0 FMT_USE_LONG_DOUBLE=0)

# The thread of a loop stands between sockets and sessions.
petrel_compile_for_size(server EXCEPT loop_thread.cc)
