// Query: the parameters of a monitoring request, read as nats-server reads them.
//
// Thread: a value, any thread. Errors: the text of the answer with status 400.
// Source: spec monitoring.md section 1.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace petrel::monitor {

class Query {
 public:
  using Params = std::vector<std::pair<std::string, std::string>>;  // decoded, in order
  // REQUIRES: `params` outlives this.
  explicit Query(const Params& params) : params_(params) {}

  // The first value of that name. A missing one is empty, false or 0.
  Slice text(Slice name) const;
  Result<bool> boolean(Slice name) const;
  Result<int64_t> integer(Slice name) const;
  Result<uint64_t> whole_number(Slice name) const;
  // `subs`, which may also be "detail".
  struct Subscriptions {
    bool is_list = false;
    bool is_detail = false;
  };
  Result<Subscriptions> subscriptions() const;

 private:
  const Params& params_;
};

}  // namespace petrel::monitor
