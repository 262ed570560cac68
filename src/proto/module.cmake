# Once a connection.
petrel_compile_for_size(proto MATCHING "connect_info|proxy_header|server_info")
