#include "conf/petrel_reader.h"

#include "conf/rate_limit_reader.h"

namespace petrel::conf {
namespace {

constexpr int64_t kLoopsMax = 256;

Step loops(Context& context, PetrelOptions& petrel, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value < 0 || *value > kLoopsMax) {
    return stop(context, &field.node,
                "loops must be between 0 (one per processor) and " + std::to_string(kLoopsMax) +
                    ", got " + std::to_string(*value));
  }
  petrel.loops = static_cast<int>(*value);
  return Step::kNext;
}

Step backend(Context& context, PetrelOptions& petrel, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  const std::string name = lower(*text);
  if (name == "auto") {
    petrel.backend = Backend::kAuto;
  } else if (name == "io_uring") {
    petrel.backend = Backend::kIoUring;
  } else if (name == "epoll") {
    petrel.backend = Backend::kEpoll;
  } else {
    return stop(context, &field.node,
                "backend must be 'auto', 'io_uring' or 'epoll', got " + go_quote(*text));
  }
  return Step::kNext;
}

Step disk_backend(Context& context, PetrelOptions& petrel, const Field& field) {
  const std::string* text = want_string(context, field.node);
  if (text == nullptr) return Step::kWrongType;
  const std::string name = lower(*text);
  if (name == "auto") {
    petrel.disk_backend = DiskBackend::kAuto;
  } else if (name == "io_uring") {
    petrel.disk_backend = DiskBackend::kIoUring;
  } else if (name == "threads") {
    petrel.disk_backend = DiskBackend::kThreads;
  } else {
    return stop(context, &field.node,
                "disk_backend must be 'auto', 'io_uring' or 'threads', got " + go_quote(*text));
  }
  return Step::kNext;
}

Step max_memory(Context& context, PetrelOptions& petrel, const Field& field) {
  const int64_t* value = want_integer(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  if (*value < 0) {
    return stop(context, &field.node,
                "max_memory can not be negative, got " + std::to_string(*value));
  }
  petrel.max_memory = *value;
  return Step::kNext;
}

Step rate_limit(Context& context, PetrelOptions& petrel, const Field& field) {
  return read_rate_limit(context, field, petrel.rate_limit);
}

const Block<PetrelOptions>& petrel_block() {
  static const Rule<PetrelOptions> kRules[] = {
      {"loops", loops},
      {"backend", backend},
      {"disk_backend", disk_backend},
      {"strict_permissions", &PetrelOptions::strict_permissions},
      {"max_memory", max_memory},
      {"rate_limit", rate_limit},
  };
  static const Block<PetrelOptions> kBlock{.rules = kRules};
  return kBlock;
}

}  // namespace

Step read_petrel(Context& context, Options& options, const Field& field) {
  return read_guarded_map(context, field.node, "Expected petrel to be a map", petrel_block(),
                          options.petrel);
}

}  // namespace petrel::conf
