// The command line: Go flag syntax (-x, --x, -x=v, --x v, boolean flags only with "="),
// nats-server's flags and their texts, and Petrel's own. Thread: control. Errors: the text and exit
// code to end with are in FlagsResult. Source: spec config.md 9, operations.md 3.
#pragma once

#include "petrel/base/result.h"
#include "petrel/conf/options.h"
#include "petrel/conf/sources.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace petrel::conf {

inline constexpr std::string_view kProgram = "nats-server";  // in front of every message
inline constexpr std::string_view kNatsVersion = "2.15.2";
inline constexpr std::string_view kPetrelVersion = "0.1.0";

// One flag that was given, in the order of the command line.
struct FlagSetting {
  std::string name = {};  // without dashes, as given
  std::string text = {};
  int64_t number = 0;
  bool on = false;
};

enum class FlagAction : uint8_t {
  kRun,
  kTestConfig,  // -t
  kSignal,      // --signal
  kPrint,       // write out and err, end with exit_code
};

struct FlagsResult {
  FlagAction action = FlagAction::kRun;
  std::vector<FlagSetting> settings = {};
  std::string config_file = {};
  std::string reload_from = {};  // --reload_from with -t
  std::string signal = {};       // the value of --signal
  std::string out = {};
  std::string err = {};
  int exit_code = 0;
};

// `args` without the program's name.
FlagsResult parse_flags(const std::vector<std::string>& args);

// Puts what the flags say over the options. Called before the file is read, so that conflicts are
// seen, and after it, so that flags win; on a reload only after. An error is a message to end with.
Status apply_flags(const std::vector<FlagSetting>& settings, const Sources& sources,
                   Options& options);

struct SignalRequest {
  std::string command = {};         // stop, quit, term, reopen, ldm, reload, or anything
  std::string pid_expression = {};  // "", a number, or a number with "*" behind it
};

// Splits "ldm=/run/nats.pid"; a pid file is read.
Result<SignalRequest> parse_signal(const std::string& value, const FileReader& files);

// The command line as others may see it: passwords, tokens and users in addresses are hidden.
std::vector<std::string> redact_arguments(std::vector<std::string> args);

}  // namespace petrel::conf
