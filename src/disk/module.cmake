find_package(Threads REQUIRED)
target_link_libraries(petrel_disk PUBLIC Threads::Threads)

# The archive, as for net: the release binary is one file.
find_library(PETREL_URING_LIBRARY NAMES liburing.a REQUIRED)
target_link_libraries(petrel_disk PRIVATE ${PETREL_URING_LIBRARY})
