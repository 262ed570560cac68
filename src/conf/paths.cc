#include "conf/paths.h"

#include <vector>

namespace petrel::conf {

std::string clean_path(std::string_view path) {
  if (path.empty()) return ".";
  const bool rooted = path.front() == '/';
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    size_t end = path.find('/', begin);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  return out.empty() ? "." : out;
}

std::string directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return clean_path(slash == std::string_view::npos ? std::string_view()
                                                    : path.substr(0, slash + 1));
}

std::string join_path(std::string_view directory, std::string_view name) {
  if (directory.empty() && name.empty()) return "";
  if (directory.empty()) return clean_path(name);
  if (name.empty()) return clean_path(directory);
  return clean_path(std::string(directory) + '/' + std::string(name));
}

}  // namespace petrel::conf
