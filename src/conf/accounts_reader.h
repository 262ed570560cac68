// Reads accounts { } and matches imports with exports.
// Thread: control. Source: spec config.md 6.
#pragma once

#include "conf/reader.h"

#include <optional>

namespace petrel::conf {

Step read_accounts(Context& context, Options& options, const Field& field);

// exports and imports of one account.
void read_exports(Context& context, const Node& node, std::vector<ExportOptions>& out);
void read_imports(Context& context, const Node& node, std::vector<ImportOptions>& out);

// jetstream of an account.
void read_account_jetstream(Context& context, const Node& node,
                            std::optional<AccountJetStreamLimits>& out);

// Refuses imports that no export admits, loops and bad transforms. Reported at `node`.
void check_account_links(Context& context, const Node& node);

}  // namespace petrel::conf
