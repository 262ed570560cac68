// What a reload would change: two Options compared, option by option, into changes to apply and
// log, or the first reason to refuse all of it.
// Thread: control; a pure function. Source: spec operations.md 5.
#pragma once

#include "petrel/conf/options.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::conf {

// Which part of the server has to act on a change.
enum class ReloadArea : uint8_t {
  kLogging,
  kAuthorization,  // look at every client again
  kLimits,         // taken from the options when next needed, or pushed to the connections
  kInfo,           // what INFO and monitoring say
  kFiles,          // pid and ports files
};

struct ReloadChange {
  std::string option = {};     // as in the configuration: "max_payload"
  std::string old_value = {};  // "" for secrets and lists
  std::string new_value = {};
  std::string log = {};  // the line to log once applied: "Reloaded: max_payload = 100"; "": none
  ReloadArea area = ReloadArea::kLimits;
  // false: nats-server logs this line on every reload and nothing is different.
  bool is_different = true;
};

struct ReloadPlan {
  std::string refusal = {};                // "": the changes may be applied. Else nothing may.
  std::vector<ReloadChange> changes = {};  // in the order in which nats-server logs them
};

ReloadPlan compare_options(const Options& before, const Options& after);

// The plan for people, as --reload_from prints it.
std::string reload_plan_text(const ReloadPlan& plan);

}  // namespace petrel::conf
