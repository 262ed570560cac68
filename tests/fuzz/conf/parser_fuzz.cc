// Configuration text of any form: reading it ends, stays in its bounds and says why it failed; what
// was read keeps its meaning when it is written as JSON and read again.
#include "petrel/base/check.h"
#include "petrel/conf/config_tree.h"
#include "petrel/conf/reload_diff.h"
#include "petrel/conf/startup.h"

#include <cstdint>
#include <string>

namespace conf = petrel::conf;

namespace {

// The input is every file and every variable, so that includes and references meet it again.
class Files : public conf::FileReader {
 public:
  explicit Files(std::string text) : text_(std::move(text)) {}

  petrel::Result<std::string> read(const std::string& path) const override {
    if (path.size() % 2 == 1) return petrel::Error{petrel::Errc::kNotFound, "open " + path};
    return text_;
  }
  conf::PathKind kind(const std::string& /*path*/) const override {
    return conf::PathKind::kDirectory;
  }

 private:
  std::string text_;
};

class Env : public conf::EnvReader {
 public:
  explicit Env(std::string text) : text_(std::move(text)) {}

  std::optional<std::string> get(const std::string& name) const override {
    if (name.size() > 2) return std::nullopt;
    return text_;
  }

 private:
  std::string text_;
};

void check_tree(const std::string& text, const conf::Sources& sources) {
  const auto tree = conf::parse_config_text(text, "a.conf", sources);
  if (!tree) {
    PETREL_CHECK(!tree.error().detail.empty());
    return;
  }
  const std::string json = conf::canonical_json(*tree->root);
  PETREL_CHECK(json.size() >= 3 && json.back() == '\n');
}

void check_options(const conf::Sources& sources) {
  const conf::Startup startup = conf::start_up({"-t", "-c", "even"}, sources);
  PETREL_CHECK(startup.action == conf::StartupAction::kEnd);
  PETREL_CHECK(!startup.err.empty());
  std::string warnings;
  const auto options = conf::load_options({"even"}, sources, warnings);
  PETREL_CHECK(options.is_ok() || !options.error().detail.empty());
  if (!options) return;
  const conf::ReloadPlan plan = conf::compare_options(*options, *options);
  PETREL_CHECK(plan.refusal.empty() || !options->unsupported.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kInputMax = 4096;  // references multiply what there is
  const std::string text(reinterpret_cast<const char*>(data), size < kInputMax ? size : kInputMax);
  const Files files(text);
  const Env env(text);
  const conf::Sources sources{files, env};
  check_tree(text, sources);
  check_options(sources);
  return 0;
}
