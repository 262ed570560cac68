// Reads cluster { }, gateway { } and leafnodes { }, and the pieces that they share.
// Thread: control. Source: spec config.md 3.1 to 3.3.
#pragma once

#include "conf/reader.h"

namespace petrel::conf {

Step read_cluster(Context& context, Options& options, const Field& field);
Step read_gateway(Context& context, Options& options, const Field& field);
Step read_leafnodes(Context& context, Options& options, const Field& field);

// remotes of leafnodes { }.
void read_leaf_remotes(Context& context, const Node& node, std::vector<LeafRemote>& out);

// An array of addresses; `kind` stands in messages. Repeats are warned about and dropped.
Step read_urls(Context& context, const Field& field, std::string_view kind, std::vector<Url>& out);

// One address.
bool read_url(Context& context, const Node& node, const std::string& text, std::string_view kind,
              std::vector<Url>& out);

// A mode, on/off, or { mode, rtt_thresholds }. `mode_for_on` is what true means.
void read_compression(Context& context, const Field& field, std::string_view mode_for_on,
                      CompressionOptions& out);

}  // namespace petrel::conf
