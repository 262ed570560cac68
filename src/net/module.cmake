find_package(Threads REQUIRED)
target_link_libraries(petrel_net PUBLIC Threads::Threads)
