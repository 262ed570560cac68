#include "server/time_zone_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace petrel::server {
namespace {

constexpr std::string_view kPlaces[] = {"/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/",
                                        "/usr/lib/locale/TZ/", "/etc/zoneinfo/"};
constexpr size_t kNameBytesMax = 255;
constexpr std::uintmax_t kFileBytesMax = 64 << 10;

bool is_zone_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '/' &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

// Empty: not there.
std::string read_zone_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || error) return {};
  if (std::filesystem::file_size(path, error) > kFileBytesMax || error) return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string read_time_zone(std::string_view name) {
  if (!is_zone_name(name)) return {};
  if (name == "Local") {
    std::string local = read_zone_file("/etc/localtime");
    return local.empty() ? read_time_zone("UTC") : local;
  }
  for (const std::string_view place : kPlaces) {
    std::string zone = read_zone_file(std::string(place).append(name));
    if (!zone.empty()) return zone;
  }
  return {};
}

}  // namespace petrel::server
