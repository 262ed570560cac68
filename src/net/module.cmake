find_package(Threads REQUIRED)
target_link_libraries(petrel_net PUBLIC Threads::Threads)

# The archive before the shared library: the release binary is one file.
find_library(PETREL_URING_LIBRARY NAMES liburing.a uring REQUIRED)
target_link_libraries(petrel_net PRIVATE ${PETREL_URING_LIBRARY})
