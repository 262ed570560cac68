# The API, events and long requests; messages do not pass them.
petrel_compile_for_size(shard
  MATCHING "jetstream_(advisories|answers|api|backup|recovery|restore)|stream_description|system_events")
