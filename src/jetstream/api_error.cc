#include "petrel/jetstream/api_error.h"

#include "petrel/base/go_json.h"

namespace petrel::jetstream {

namespace {

struct Row {
  ApiErrc errc;
  int32_t status;
  Slice text;
};

constexpr Row kRows[] = {
#define PETREL_API_ERROR(name, number, status, text) {ApiErrc::name, status, text},
#include "petrel/jetstream/api_error_table.inc"
#undef PETREL_API_ERROR
};

// The numbers run without a gap, so the place in the table follows from the number.
constexpr uint16_t kFirst = static_cast<uint16_t>(kRows[0].errc);

constexpr bool is_dense() {
  uint16_t next = kFirst;
  for (const Row& row : kRows) {
    if (static_cast<uint16_t>(row.errc) != next++) return false;
  }
  return true;
}
static_assert(is_dense());

const Row& row_of(ApiErrc errc) {
  return kRows[static_cast<uint16_t>(errc) - kFirst];
}

}  // namespace

ApiError api_error(ApiErrc errc) {
  const Row& row = row_of(errc);
  return {row.status, static_cast<uint16_t>(errc), std::string(row.text)};
}

ApiError api_error(ApiErrc errc, std::initializer_list<ApiErrorTag> tags) {
  ApiError error = api_error(errc);
  // Every placeholder stands once, and what replaces one is not searched again.
  size_t from = 0;
  while ((from = error.description.find('{', from)) != std::string::npos) {
    size_t step = 1;
    for (const auto& [tag, text] : tags) {
      if (error.description.compare(from, tag.size(), tag) != 0) continue;
      error.description.replace(from, tag.size(), text);
      step = text.size();
      break;
    }
    from += step;
  }
  return error;
}

ApiError api_error(ApiErrc errc, Slice err) {
  return api_error(errc, {{"{err}", err}});
}

Slice api_error_text(ApiErrc errc) {
  return row_of(errc).text;
}

void append_api_error(std::string& out, const ApiError& error) {
  out.append("{\"code\":").append(std::to_string(error.code));
  if (error.err_code != 0) out.append(",\"err_code\":").append(std::to_string(error.err_code));
  if (!error.description.empty()) {
    out.append(",\"description\":");
    append_go_json_string(out, error.description);
  }
  out.push_back('}');
}

}  // namespace petrel::jetstream
