# Mappings are read with the configuration.
petrel_compile_for_size(subject MATCHING "destination_token")
