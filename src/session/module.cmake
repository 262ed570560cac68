# Once a connection, or only for traced messages.
petrel_compile_for_size(session MATCHING "message_trace|session_(authentication|connect|proxy|tls|trace)")
