find_package(Threads REQUIRED)
target_link_libraries(petrel_disk PUBLIC Threads::Threads)
