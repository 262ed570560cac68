// From the command line to complete, validated Options, or to the text and exit code to end with.
// Everything that `main` and a reload need of this module.
// Thread: control. Source: spec config.md 1.3 and 9, operations.md 3 and 5.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/command_line.h"
#include "petrel/conf/options.h"
#include "petrel/conf/sources.h"

#include <string>
#include <vector>

namespace petrel::conf {

enum class StartupAction : uint8_t {
  kRun,     // with options; write err (warnings) first
  kSignal,  // send signal, end
  kEnd,     // write out and err, end with exit_code
};

struct Startup {
  StartupAction action = StartupAction::kEnd;
  Options options = {};
  std::vector<FlagSetting> flags = {};  // for reloads
  SignalRequest signal = {};
  std::string out = {};  // for standard output
  std::string err = {};  // for standard error
  int exit_code = 0;
};

// `args` without the program's name.
Startup start_up(const std::vector<std::string>& args, const Sources& sources);

// What a file says, with flags over it, defaults filled in and validated. The error detail is what
// a reload logs. Warnings are appended to `warnings`, one per line.
struct LoadRequest {
  std::string config_file = {};  // "": flags alone
  std::vector<FlagSetting> flags = {};
  // At start nats-server lets the file see the flags, so that some conflicts between them are
  // errors. A reload does not.
  bool at_start = false;
};
Result<Options> load_options(const LoadRequest& request, const Sources& sources,
                             std::string& warnings);

// Fills in what the file left open, where 0 means "the default" in nats-server.
void fill_in_defaults(Options& options);

// Combinations that make no sense, each with nats-server's text; not looked at by -t. Aliases of
// compression modes are replaced by the mode.
Status validate_options(Options& options);

// Lists in options.unsupported what is used although Petrel does not have it yet.
void list_unsupported(const std::vector<FlagSetting>& flags, Options& options);

// One line per unsupported option.
std::string unsupported_text(const Options& options);

}  // namespace petrel::conf
