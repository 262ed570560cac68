// Runs a fuzz target over its corpus: main() of the replay binaries. Takes files and folders of
// files; each is given whole and cut short at a few places.
// Without libFuzzer a found input stays a test on every compiler and under every sanitizer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<uint8_t> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// False for a folder without a file, which would be a test of nothing.
bool add_files(const fs::path& path, std::vector<fs::path>& files) {
  if (fs::is_regular_file(path)) {
    files.push_back(path);
    return true;
  }
  if (!fs::is_directory(path)) return false;
  const size_t before = files.size();
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files.size() > before;
}

// An exact copy for each run, so that a sanitizer sees a read behind its end.
void run(const std::vector<uint8_t>& input, size_t size) {
  const std::vector<uint8_t> copy(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (add_files(argv[i], files)) continue;
    std::fprintf(stderr, "%s: no file there\n", argv[i]);
    return 1;
  }
  if (files.empty()) {
    std::fputs("usage: fuzz_TARGET FILE-OR-FOLDER...\n", stderr);
    return 2;
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);
    const std::vector<uint8_t> input = read_file(path);
    run(input, input.size());
    if (!input.empty()) run(input, input.size() - 1);
    for (const size_t part : {2, 3, 5}) run(input, input.size() / part);
  }
  std::printf("%zu inputs\n", files.size());
  return 0;
}
