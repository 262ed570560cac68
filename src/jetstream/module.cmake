# libsodium: SHA-256, the keys of nats-server's checksums.
find_library(PETREL_SODIUM NAMES libsodium.a REQUIRED)
target_link_libraries(petrel_jetstream PRIVATE ${PETREL_SODIUM})

# The API, configurations and backups; messages do not pass them.
petrel_compile_for_size(jetstream
  MATCHING "api_(admission|error|json|requests)|archive.*|big_decimal|config_.*|consumer_(advisory|config_.*|requests)|cron|go_values|json_(decoder|time|writer)|schedules|stream_(config_.*|files|foresee|import|requests)|subject_overlap|tar_reader|time_zone")
