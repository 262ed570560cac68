#include "petrel/conf/startup.h"

#include "conf/options_reader.h"

#include "petrel/conf/reload_diff.h"

namespace petrel::conf {
namespace {

std::string lines(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

std::string said(const std::string& text) {
  return std::string(kProgram) + ": " + text + "\n";
}

Startup ended(const std::string& message) {
  Startup startup;
  startup.err = said(message);
  startup.exit_code = 1;
  return startup;
}

// Reads a file over `options`. An error stops everything; errors and warnings of options are in the
// report.
Status read_file(const std::string& path, const Sources& sources, Options& options,
                 Report& report) {
  options.config_file = path;
  PETREL_TRY(const ConfigTree tree, parse_config_file(path, sources));
  read_options(tree, path, sources, options, report);
  return {};
}

// What a reload from one file to the other would change.
Result<ReloadPlan> plan_reload(const FlagsResult& flags, const Sources& sources) {
  std::string warnings;
  PETREL_TRY(const Options before,
             load_options({flags.reload_from, flags.settings}, sources, warnings));
  PETREL_TRY(const Options after,
             load_options({flags.config_file, flags.settings}, sources, warnings));
  return compare_options(before, after);
}

Startup test_config(const FlagsResult& flags, const Sources& sources) {
  if (flags.config_file.empty()) {
    return ended("must specify [-c, --config] option to check configuration file syntax");
  }
  Options options;
  (void)apply_flags(flags.settings, sources, options);  // their errors are not what -t is about
  Report report;
  const Status read = read_file(flags.config_file, sources, options, report);
  if (!read) return ended(read.error().detail);
  const std::string problems = lines(report.warnings()) + lines(report.errors());
  if (!problems.empty()) return ended(problems);
  Startup startup;
  list_unsupported({}, options);
  startup.err = unsupported_text(options);
  if (!flags.reload_from.empty()) {
    const auto plan = plan_reload(flags, sources);
    if (!plan) return ended(plan.error().detail);
    startup.out = reload_plan_text(*plan);
    if (!plan->refusal.empty()) startup.exit_code = 1;
  }
  startup.err +=
      said("configuration file " + flags.config_file + " is valid (" + options.digest + ")");
  return startup;
}

Startup run(const FlagsResult& flags, const Sources& sources) {
  Startup startup;
  std::string warnings;
  auto options = load_options({flags.config_file, flags.settings, true}, sources, warnings);
  if (!options) {
    startup = ended(options.error().detail);
    startup.err = warnings + startup.err;
    return startup;
  }
  if (!options->unsupported.empty()) {
    startup = ended(unsupported_text(*options));
    startup.err = warnings + startup.err;
    return startup;
  }
  startup.action = StartupAction::kRun;
  startup.options = *std::move(options);
  startup.flags = flags.settings;
  startup.err = warnings;
  return startup;
}

}  // namespace

Result<Options> load_options(const LoadRequest& request, const Sources& sources,
                             std::string& warnings) {
  Options options;
  // What is wrong with flags is reported when they are applied over the file.
  if (request.at_start) (void)apply_flags(request.flags, sources, options);
  if (!request.config_file.empty()) {
    Report report;
    PETREL_TRY_STATUS(read_file(request.config_file, sources, options, report));
    if (!report.errors().empty()) {
      return Error{Errc::kInvalidArgument, lines(report.warnings()) + lines(report.errors())};
    }
    warnings += lines(report.warnings());
  }
  PETREL_TRY_STATUS(apply_flags(request.flags, sources, options));
  fill_in_defaults(options);
  PETREL_TRY_STATUS(validate_options(options));
  list_unsupported(request.flags, options);
  return options;
}

Startup start_up(const std::vector<std::string>& args, const Sources& sources) {
  const FlagsResult flags = parse_flags(args);
  switch (flags.action) {
    case FlagAction::kTestConfig:
      return test_config(flags, sources);
    case FlagAction::kRun:
      return run(flags, sources);
    case FlagAction::kPrint:
      break;
    case FlagAction::kSignal: {
      auto signal = parse_signal(flags.signal, sources.files);
      if (!signal) return ended(signal.error().detail);
      Startup startup;
      startup.action = StartupAction::kSignal;
      startup.signal = *std::move(signal);
      return startup;
    }
  }
  Startup startup;
  startup.out = flags.out;
  startup.err = flags.err;
  startup.exit_code = flags.exit_code;
  return startup;
}

}  // namespace petrel::conf
