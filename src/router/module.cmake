# What a reload and an answered request of another account need.
petrel_compile_for_size(router MATCHING "account_(links|registry)|client_info|latency_sampling")
