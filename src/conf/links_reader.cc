#include "conf/links_reader.h"

#include <set>

namespace petrel::conf {
namespace {

struct CompressionDraft {
  CompressionOptions& options;
};

Step compression_mode(Context& context, CompressionDraft& draft, const Field& field) {
  const std::string* mode = want_string(context, field.node);
  if (mode == nullptr) return Step::kWrongType;
  draft.options.mode = *mode;
  return Step::kNext;
}

Step rtt_thresholds(Context& context, CompressionDraft& draft, const Field& field) {
  const Array* array = want_array(context, field.node);
  if (array == nullptr) return Step::kWrongType;
  for (const NodePtr& node : *array) {
    context.last = node.get();
    const std::string* text = want_string(context, *node);
    if (text == nullptr) return Step::kWrongType;
    const auto parsed = parse_duration(*text);
    if (!parsed) return stop(context, &field.node, parsed.error().detail);
    draft.options.rtt_thresholds.push_back(*parsed);
  }
  return Step::kNext;
}

const Block<CompressionDraft>& compression_block() {
  static const Rule<CompressionDraft> kRules[] = {
      {"mode", compression_mode},
      {"rtt_thresholds|thresholds|rtts|rtt", rtt_thresholds},
  };
  static const Block<CompressionDraft> kBlock{.rules = kRules, .unknown = Unknown::kStops};
  return kBlock;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

bool read_url(Context& context, const Node& node, const std::string& text, std::string_view kind,
              std::vector<Url>& out) {
  const std::string plain = trimmed(text);
  auto url = parse_url(plain);
  if (!url) {
    context.report.error(&node,
                         "error parsing " + std::string(kind) + " url [" + go_quote(plain) + "]");
    return false;
  }
  out.push_back(*std::move(url));
  return true;
}

Step read_urls(Context& context, const Field& field, std::string_view kind, std::vector<Url>& out) {
  const Array* array = want_array(context, field.node);
  if (array == nullptr) return Step::kWrongType;
  std::set<std::string> seen;
  std::vector<Url> urls;
  bool valid = true;
  const Step step = guarded(context, field.node, [&] {
    for (const NodePtr& node : *array) {
      context.last = node.get();
      const std::string* text = want_string(context, *node);
      if (text == nullptr) return Step::kWrongType;
      if (!seen.insert(*text).second) {
        context.report.misuse(node.get(), *text,
                              "Duplicate " + std::string(kind) + " entry detected");
        continue;
      }
      valid = read_url(context, *node, *text, kind, urls) && valid;
    }
    return Step::kNext;
  });
  if (step == Step::kNext && valid) out = std::move(urls);
  return Step::kNext;
}

void read_compression(Context& context, const Field& field, std::string_view mode_for_on,
                      CompressionOptions& out) {
  if (const std::string* mode = field.node.string()) {
    out.mode = *mode;
  } else if (const bool* on = field.node.boolean()) {
    out.mode = *on ? std::string(mode_for_on) : "off";
  } else if (const Map* map = field.node.map()) {
    CompressionDraft draft{out};
    (void)guarded(context, field.node,
                  [&] { return read_block(context, *map, compression_block(), draft); });
  } else {
    context.report.error(&field.node, "field " + go_quote(field.key) +
                                          " should be a boolean or a structure, got " +
                                          type_name(field.node.value));
  }
}

}  // namespace petrel::conf
