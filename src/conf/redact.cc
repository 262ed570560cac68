// Hides secrets in command line arguments.
#include "conf/reader.h"

#include "petrel/conf/command_line.h"
#include "petrel/conf/url.h"

#include <string_view>

namespace petrel::conf {
namespace {

constexpr std::string_view kHidden = "[REDACTED]";

std::string hide_all(std::string_view) {
  return std::string(kHidden);
}

// An address without its user and password.
std::string hide_user(std::string_view text) {
  if (text.find('@') == std::string_view::npos) return std::string(text);
  std::string address(text.substr(text.find_first_not_of(" \t")));
  constexpr std::string_view kRandom = ":-1";
  const bool random =
      address.size() >= kRandom.size() &&
      address.compare(address.size() - kRandom.size(), kRandom.size(), kRandom) == 0;
  if (random) address.replace(address.size() - 2, 2, "0");
  auto url = parse_url(address);
  if (!url || !url->has_user) return std::string(text);
  if (random) url->host.replace(url->host.size() - 1, 1, "-1");
  return url->text_with(kHidden);
}

std::string hide_users(std::string_view list) {
  std::string out;
  while (true) {
    const size_t comma = list.find(',');
    out += hide_user(list.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    out += ',';
    list.remove_prefix(comma + 1);
  }
}

using Hide = std::string (*)(std::string_view);

// How the value of a flag is hidden; null: not at all.
Hide hide_of(std::string_view name) {
  if (has_name("user|pass|auth", name)) return hide_all;
  if (name == "routes") return hide_users;
  if (has_name("cluster|cluster_listen", name)) return hide_user;
  return nullptr;
}

}  // namespace

std::vector<std::string> redact_arguments(std::vector<std::string> args) {
  for (size_t i = 0; i < args.size(); ++i) {
    std::string_view name = args[i];
    if (name.substr(0, 1) != "-") continue;
    name.remove_prefix(name.substr(0, 2) == "--" ? 2 : 1);
    const size_t equals = name.find('=');
    const Hide hide = hide_of(name.substr(0, equals));
    if (hide == nullptr) continue;
    if (equals != std::string_view::npos) {
      const size_t value = args[i].find('=') + 1;
      args[i] = args[i].substr(0, value) + hide(std::string_view(args[i]).substr(value));
    } else if (i + 1 < args.size()) {
      args[i + 1] = hide(args[i + 1]);
    }
  }
  return args;
}

}  // namespace petrel::conf
