// exports and imports of an account.
#include "conf/accounts_reader.h"
#include "conf/subject_text.h"

namespace petrel::conf {
namespace {

// An export while it is read: which directives were seen matters, because streams take fewer.
struct ExportDraft {
  ExportOptions options = {};
  bool is_stream = false;
  bool is_service = false;
  bool has_threshold = false;
  const Node* response_at = nullptr;
  const Node* latency_at = nullptr;
  const Node* trace_at = nullptr;
};

Step non_service(Context& context, const Node* at, std::string_view directive) {
  context.report.error(at, "Detected " + std::string(directive) + " directive on non-service");
  return Step::kNext;
}

Step export_stream(Context& context, ExportDraft& draft, const Field& field) {
  const std::string* subject = field.node.string();
  if (draft.is_service) {
    context.report.error(&field.node, "Detected stream " + go_quote(value_text(field.node.value)) +
                                          " but already saw a service");
    return Step::kNext;
  }
  if (draft.response_at != nullptr) return non_service(context, draft.response_at, "response");
  if (draft.latency_at != nullptr) return non_service(context, draft.latency_at, "latency");
  if (draft.trace_at != nullptr) return non_service(context, draft.trace_at, "allow_trace");
  if (subject == nullptr) {
    context.report.error(&field.node,
                         "Expected stream name to be string, got " + type_name(field.node.value));
    return Step::kNext;
  }
  draft.is_stream = true;
  draft.options.subject = *subject;
  return Step::kNext;
}

Step export_service(Context& context, ExportDraft& draft, const Field& field) {
  const std::string* subject = field.node.string();
  if (draft.is_stream) {
    context.report.error(&field.node, "Detected service " + go_quote(value_text(field.node.value)) +
                                          " but already saw a stream");
    return Step::kNext;
  }
  if (subject == nullptr) {
    context.report.error(&field.node,
                         "Expected service name to be string, got " + type_name(field.node.value));
    return Step::kNext;
  }
  draft.is_service = true;
  draft.options.subject = *subject;
  return Step::kNext;
}

Step response(Context& context, ExportDraft& draft, const Field& field) {
  if (draft.response_at != nullptr) {
    context.report.error(&field.node, "Duplicate response type definition");
    return Step::kNext;
  }
  draft.response_at = &field.node;
  const std::string* text = field.node.string();
  if (text == nullptr) {
    context.report.error(&field.node,
                         "Expected response type to be string, got " + type_name(field.node.value));
    return Step::kNext;
  }
  const std::string type = lower(*text);
  if (type == "single" || type == "singleton") {
    draft.options.response_type = ResponseType::kSingleton;
  } else if (type == "stream") {
    draft.options.response_type = ResponseType::kStreamed;
  } else if (type == "chunk" || type == "chunked") {
    draft.options.response_type = ResponseType::kChunked;
  } else {
    context.report.error(&field.node, "Unknown response type: " + go_quote(*text));
    return Step::kNext;
  }
  return draft.is_stream ? non_service(context, &field.node, "response") : Step::kNext;
}

Step threshold(Context& context, ExportDraft& draft, const Field& field) {
  if (draft.has_threshold) {
    context.report.error(&field.node, "Duplicate response threshold detected");
    return Step::kNext;
  }
  draft.has_threshold = true;
  const std::string expected = "Expected response threshold to be a parseable time duration, got ";
  const std::string* text = field.node.string();
  if (text == nullptr) {
    context.report.error(&field.node, expected + type_name(field.node.value));
    return Step::kNext;
  }
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    context.report.error(&field.node, expected + go_quote(*text));
    return Step::kNext;
  }
  draft.options.response_threshold = *parsed;
  return draft.is_stream ? non_service(context, &field.node, "response") : Step::kNext;
}

Step export_accounts(Context& context, ExportDraft& draft, const Field& field) {
  const Array* array = want_array(context, field.node);
  if (array == nullptr) return Step::kWrongType;
  for (const NodePtr& node : *array) {
    context.last = node.get();
    const std::string* name = want_string(context, *node);
    if (name == nullptr) return Step::kWrongType;
    draft.options.accounts.push_back(*name);
  }
  return Step::kNext;
}

Step sampling(Context& context, const Node& node, LatencyOptions& latency) {
  int64_t percent = 0;
  if (const int64_t* number = node.integer()) {
    percent = *number;
  } else if (const std::string* text = node.string()) {
    const std::vector<std::string> words = split_fields(*text);
    if (words.size() == 1 && lower(words[0]) == "headers") {
      latency.sampling = 0;
      return Step::kNext;
    }
    std::string digits = *text;
    if (!digits.empty() && digits.back() == '%') digits.pop_back();
    const auto parsed = parse_int(digits, "strconv.Atoi");
    if (!parsed) {
      return stop(context, &node, "Failed to parse latency sample: " + parsed.error().detail);
    }
    percent = *parsed;
  } else {
    return stop(
        context, &node,
        "Expected latency sample to be a string or map/struct, got " + type_name(node.value));
  }
  if (percent < 1 || percent > 100) {
    return stop(context, &node, "bad sampling percentage, should be 1-100");
  }
  latency.sampling = static_cast<int>(percent);
  return Step::kNext;
}

Step read_latency(Context& context, const Node& node, LatencyOptions& latency) {
  if (const std::string* subject = node.string()) {
    latency.subject = *subject;
    return Step::kNext;
  }
  const Map* map = node.map();
  if (map == nullptr) {
    return stop(
        context, &node,
        "Expected latency entry to be a map/struct or string, got " + type_name(node.value));
  }
  if (const Node* percent = map->find("sampling")) {
    const Step step = sampling(context, *percent, latency);
    if (step != Step::kNext) return step;
  }
  const Node* subject = map->find("subject");
  if (subject == nullptr) {
    return stop(context, &node, "Latency subject required, but missing");
  }
  if (subject->string() == nullptr) {
    return stop(context, subject, "Expected latency subject to be a string, got string");
  }
  latency.subject = *subject->string();
  return Step::kNext;
}

Step latency(Context& context, ExportDraft& draft, const Field& field) {
  draft.latency_at = &field.node;
  LatencyOptions options;
  if (read_latency(context, field.node, options) != Step::kNext) return Step::kNext;
  if (draft.is_stream) return non_service(context, &field.node, "latency");
  draft.options.latency = std::move(options);
  return Step::kNext;
}

Step token_position(Context& context, ExportDraft& draft, const Field& field) {
  const int64_t* position = want_integer(context, field.node);
  if (position == nullptr) return Step::kWrongType;
  draft.options.account_token_position = *position;
  return Step::kNext;
}

Step export_trace(Context& context, ExportDraft& draft, const Field& field) {
  draft.trace_at = &field.node;
  const bool* allowed = want_bool(context, field.node);
  if (allowed == nullptr) return Step::kWrongType;
  if (draft.is_stream) return non_service(context, &field.node, "allow_trace");
  draft.options.allow_trace = *allowed;
  return Step::kNext;
}

const Block<ExportDraft>& export_block() {
  static const Rule<ExportDraft> kRules[] = {
      {"stream", export_stream},
      {"service", export_service},
      {"response|response_type", response},
      {"threshold|response_threshold|response_max_time|response_time", threshold},
      {"accounts", export_accounts},
      {"latency", latency},
      {"account_token_position", token_position},
      {"allow_trace", export_trace},
  };
  static const Block<ExportDraft> kBlock{.rules = kRules};
  return kBlock;
}

void read_export(Context& context, const Node& node, std::vector<ExportOptions>& out) {
  ExportDraft draft;
  const Step step = read_guarded_map(context, node, "Export Items should be a map with type entry",
                                     export_block(), draft);
  if (step != Step::kNext || (!draft.is_stream && !draft.is_service)) return;
  draft.options.is_service = draft.is_service;
  out.push_back(std::move(draft.options));
}

// --- imports ---

struct ImportDraft {
  ImportOptions options = {};
  bool is_stream = false;
  bool is_service = false;
  const Node* trace_at = nullptr;
};

struct Source {
  std::string account = {};
  std::string subject = {};
};

const Block<Source>& source_block() {
  static const Rule<Source> kRules[] = {
      {"account", &Source::account},
      {"subject", &Source::subject},
  };
  static const Block<Source> kBlock{.rules = kRules};
  return kBlock;
}

// { account, subject }; false: reported.
bool read_source(Context& context, const Field& field, std::string_view what, Source& source) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    context.report.error(&field.node, std::string(what) + " entry should be an account map, got " +
                                          type_name(field.node.value));
    return false;
  }
  const Step step = guarded(context, field.node,
                            [&] { return read_block(context, *map, source_block(), source); });
  if (step != Step::kNext || source.account.empty() || source.subject.empty()) {
    context.report.error(&field.node, "Expect an account name and a subject");
    return false;
  }
  return true;
}

Step import_stream(Context& context, ImportDraft& draft, const Field& field) {
  if (draft.is_service) {
    context.report.error(&field.node, "Detected stream but already saw a service");
    return Step::kNext;
  }
  Source source;
  if (!read_source(context, field, "Stream", source)) return Step::kNext;
  draft.is_stream = true;
  draft.options.account = source.account;
  draft.options.subject = source.subject;
  return Step::kNext;
}

Step import_service(Context& context, ImportDraft& draft, const Field& field) {
  if (draft.is_stream) {
    context.report.error(&field.node, "Detected service but already saw a stream");
    return Step::kNext;
  }
  if (draft.trace_at != nullptr) {
    context.report.error(draft.trace_at, "Detected allow_trace directive on a non-stream");
    return Step::kNext;
  }
  Source source;
  if (!read_source(context, field, "Service", source)) return Step::kNext;
  draft.is_service = true;
  draft.options.account = source.account;
  draft.options.subject = source.subject;
  if (draft.options.to.empty()) draft.options.to = source.subject;
  return Step::kNext;
}

Step import_prefix(Context& context, ImportDraft& draft, const Field& field) {
  const std::string* prefix = want_string(context, field.node);
  if (prefix == nullptr) return Step::kWrongType;
  draft.options.prefix = *prefix;
  return Step::kNext;
}

Step import_to(Context& context, ImportDraft& draft, const Field& field) {
  const std::string* to = want_string(context, field.node);
  if (to == nullptr) return Step::kWrongType;
  draft.options.to = *to;
  if (draft.is_stream && !draft.options.prefix.empty()) {
    context.report.error(&field.node, "Stream import can not have a 'prefix' and a 'to' property");
  }
  return Step::kNext;
}

Step import_share(Context& context, ImportDraft& draft, const Field& field) {
  const bool* share = want_bool(context, field.node);
  if (share == nullptr) return Step::kWrongType;
  draft.options.share = *share;
  return Step::kNext;
}

Step import_trace(Context& context, ImportDraft& draft, const Field& field) {
  if (draft.is_service) {
    context.report.error(&field.node, "Detected allow_trace directive on a non-stream");
    return Step::kNext;
  }
  const bool* allowed = want_bool(context, field.node);
  if (allowed == nullptr) return Step::kWrongType;
  draft.options.allow_trace = *allowed;
  draft.trace_at = &field.node;
  return Step::kNext;
}

const Block<ImportDraft>& import_block() {
  static const Rule<ImportDraft> kRules[] = {
      {"stream", import_stream}, {"service", import_service}, {"prefix", import_prefix},
      {"to", import_to},         {"share", import_share},     {"allow_trace", import_trace},
  };
  static const Block<ImportDraft> kBlock{.rules = kRules};
  return kBlock;
}

// The earlier import of the same subject from the same account, null if there is none.
const ImportOptions* find_duplicate(const std::vector<ImportOptions>& imports,
                                    const ImportOptions& wanted) {
  for (const ImportOptions& import : imports) {
    if (import.is_service && import.to == wanted.to && import.account == wanted.account) {
      return &import;
    }
  }
  return nullptr;
}

void read_import(Context& context, const Node& node, std::vector<ImportOptions>& out) {
  ImportDraft draft;
  const Step step = read_guarded_map(context, node, "Import Items should be a map with type entry",
                                     import_block(), draft);
  if (step != Step::kNext || (!draft.is_stream && !draft.is_service)) return;
  draft.options.is_service = draft.is_service;
  const ImportOptions* duplicate = draft.is_service ? find_duplicate(out, draft.options) : nullptr;
  if (duplicate != nullptr) {
    context.report.error(&node, "Duplicate service import subject " + go_quote(draft.options.to) +
                                    ", previously used in import for account " +
                                    go_quote(duplicate->account) + ", subject " +
                                    go_quote(duplicate->subject));
    return;
  }
  out.push_back(std::move(draft.options));
}

}  // namespace

void read_exports(Context& context, const Node& node, std::vector<ExportOptions>& out) {
  const Array* array = node.array();
  if (array == nullptr) {
    context.report.error(&node, "Exports should be an array, got " + type_name(node.value));
    return;
  }
  for (const NodePtr& element : *array) read_export(context, *element, out);
}

void read_imports(Context& context, const Node& node, std::vector<ImportOptions>& out) {
  const Array* array = node.array();
  if (array == nullptr) {
    context.report.error(&node, "Imports should be an array, got " + type_name(node.value));
    return;
  }
  for (const NodePtr& element : *array) read_import(context, *element, out);
}

}  // namespace petrel::conf
