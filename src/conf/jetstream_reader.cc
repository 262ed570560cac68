#include "conf/jetstream_reader.h"

namespace petrel::conf {
namespace {

constexpr int64_t kConcurrentIoMin = 4;
constexpr int64_t kConcurrentIoMax = 8192;

// jetstream { } while it is read; it is on unless it says otherwise.
struct Draft {
  JetStreamOptions& options;
  bool enable = true;
};

// A number, or digits with K, M, G or T for powers of 1024.
Result<int64_t> storage_size(const Node& node) {
  if (const int64_t* number = node.integer()) return *number;
  const std::string* text = node.string();
  if (text == nullptr) return Error{Errc::kInvalidArgument, "must be int64 or string"};
  if (text->empty()) return int64_t{0};
  PETREL_TRY(const int64_t number,
             parse_int(std::string_view(*text).substr(0, text->size() - 1), "strconv.ParseInt"));
  constexpr std::string_view kSuffixes = "KMGT";
  const size_t power = kSuffixes.find(text->back());
  if (power == std::string_view::npos) {
    return Error{Errc::kInvalidArgument, "sizes defined as strings must end in K, M, G, T"};
  }
  return static_cast<int64_t>(static_cast<uint64_t>(number) << (10 * (power + 1)));
}

// `label` stands in front of the problem; "" for the option's own name.
Step read_size(Context& context, const Field& field, std::string_view label, int64_t& out) {
  const auto size = storage_size(field.node);
  if (!size) {
    const std::string name = label.empty() ? lower(field.key) : std::string(label);
    return stop(context, &field.node, name + " " + size.error().detail);
  }
  out = *size;
  return Step::kNext;
}

Step expected(Context& context, const Field& field, std::string_view what,
              std::string_view where = "") {
  return stop(context, &field.node,
              "Expected " + std::string(what) + " for " + go_quote(field.key) + std::string(where) +
                  ", got " + value_text(field.node.value));
}

template <int64_t JetStreamOptions::* Member>
Step count(Context& context, Draft& draft, const Field& field) {
  const int64_t* value = field.node.integer();
  if (value == nullptr) return expected(context, field, "a parseable size");
  draft.options.*Member = *value;
  return Step::kNext;
}

template <int64_t JetStreamOptions::* Member>
Step size(Context& context, Draft& draft, const Field& field) {
  return read_size(context, field, "", draft.options.*Member);
}

template <std::string JetStreamOptions::* Member>
Step text(Context& context, Draft& draft, const Field& field) {
  const std::string* value = want_string(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.options.*Member = *value;
  return Step::kNext;
}

Step strict(Context& context, Draft& draft, const Field& field) {
  const bool* value = field.node.boolean();
  if (value == nullptr) {
    return stop(
        context, &field.node,
        "Expected 'true' or 'false' for bool value, got '" + value_text(field.node.value) + "'");
  }
  draft.options.strict = *value;
  return Step::kNext;
}

Step store_dir(Context& context, Draft& draft, const Field& field) {
  if (!draft.options.store_dir.empty()) {
    return stop(context, &field.node, "Duplicate 'store_dir' configuration");
  }
  return text<&JetStreamOptions::store_dir>(context, draft, field);
}

Step sync_interval(Context& context, Draft& draft, const Field& field) {
  const std::string* value = field.node.string();
  if (value != nullptr && lower(*value) == "always") {
    draft.options.sync_always = true;
    return Step::kNext;
  }
  draft.options.sync_relaxed = true;
  return read_duration(context, field, field.key, draft.options.sync_interval);
}

Step max_memory(Context& context, Draft& draft, const Field& field) {
  return read_size(context, field, "max_mem_store", draft.options.max_memory_store);
}

Step max_file(Context& context, Draft& draft, const Field& field) {
  return read_size(context, field, "max_file_store", draft.options.max_file_store);
}

Step enable(Context& context, Draft& draft, const Field& field) {
  const bool* value = want_bool(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.enable = *value;
  return Step::kNext;
}

Step read_cipher(Context& context, const Field& field, StoreCipher& out) {
  const std::string* name = want_string(context, field.node);
  if (name == nullptr) return Step::kWrongType;
  const std::string cipher = lower(*name);
  if (cipher == "chacha" || cipher == "chachapoly") {
    out = StoreCipher::kChaCha;
  } else if (cipher == "aes") {
    out = StoreCipher::kAes;
  } else {
    return stop(context, &field.node, "Unknown cipher type: " + go_quote(*name));
  }
  return Step::kNext;
}

Step cipher(Context& context, Draft& draft, const Field& field) {
  return read_cipher(context, field, draft.options.cipher);
}

Step unique_tag(Context& context, Draft& draft, const Field& field) {
  const std::string* value = want_string(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  std::string tag = lower(*value);
  while (!tag.empty() && is_space(static_cast<unsigned char>(tag.back()))) tag.pop_back();
  while (!tag.empty() && is_space(static_cast<unsigned char>(tag.front()))) tag.erase(0, 1);
  draft.options.unique_tag = tag;
  return Step::kNext;
}

Step meta_compact(Context& context, Draft& draft, const Field& field) {
  const int64_t* value = field.node.integer();
  if (value == nullptr || *value < 0) return expected(context, field, "an absolute size");
  draft.options.meta_compact = *value;
  return Step::kNext;
}

Step meta_compact_size(Context& context, Draft& draft, const Field& field) {
  const Step step = read_size(context, field, "", draft.options.meta_compact_size);
  if (step != Step::kNext) return step;
  if (draft.options.meta_compact_size < 0) return expected(context, field, "an absolute size");
  return Step::kNext;
}

Step meta_compact_sync(Context& context, Draft& draft, const Field& field) {
  const bool* value = want_bool(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.options.meta_compact_sync = *value;
  return Step::kNext;
}

Step max_concurrent_io(Context& context, Draft& draft, const Field& field) {
  const int64_t* value = field.node.integer();
  if (value == nullptr || *value < kConcurrentIoMin || *value > kConcurrentIoMax) {
    return expected(context, field, "an absolute size", " between 4 and 8192");
  }
  draft.options.max_concurrent_io = *value;
  return Step::kNext;
}

// --- limits { batch { } } and tpm { } ---

template <Duration JetStreamLimits::* Member>
Step limit_duration(Context& context, JetStreamLimits& limits, const Field& field) {
  const std::string* value = want_string(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  const auto parsed = parse_duration(*value);
  // nats-server reports this one without its place.
  if (!parsed) context.report.error(nullptr, parsed.error().detail);
  limits.*Member = parsed ? *parsed : Duration{};
  return Step::kNext;
}

// A map inside of jetstream { }: its values are not where wrong types are reported.
template <typename T>
Step inner_map(Context& context, const Field& field, std::string_view what, const Block<T>& block,
               T& target) {
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(
        context, &field.node,
        "Expected a map to define " + std::string(what) + ", got " + type_name(field.node.value));
  }
  return read_block(context, *map, block, target);
}

Step batch(Context& context, JetStreamLimits& limits, const Field& field) {
  static const Rule<JetStreamLimits> kRules[] = {
      {"max_inflight_per_stream", &JetStreamLimits::max_batch_inflight_per_stream},
      {"max_inflight_total", &JetStreamLimits::max_batch_inflight_total},
      {"max_msgs", &JetStreamLimits::max_batch_msgs},
      {"timeout", limit_duration<&JetStreamLimits::max_batch_timeout>},
  };
  static const Block<JetStreamLimits> kBlock{.rules = kRules, .guarded = false};
  return inner_map(context, field, "batch limits", kBlock, limits);
}

Step limits(Context& context, Draft& draft, const Field& field) {
  static const Rule<JetStreamLimits> kRules[] = {
      {"max_ack_pending", &JetStreamLimits::max_ack_pending},
      {"max_ha_assets", &JetStreamLimits::max_ha_assets},
      {"max_request_batch", &JetStreamLimits::max_request_batch},
      {"default_max_consumers", &JetStreamLimits::default_max_consumers},
      {"duplicate_window", limit_duration<&JetStreamLimits::duplicate_window>},
      {"batch", batch},
  };
  static const Block<JetStreamLimits> kBlock{.rules = kRules, .guarded = false};
  draft.options.limits = JetStreamLimits{};
  return inner_map(context, field, "JetStreamLimits", kBlock, draft.options.limits);
}

struct TpmDraft {
  JetStreamTpm tpm = {};
  StoreCipher cipher = StoreCipher::kNone;
};

template <std::string JetStreamTpm::* Member>
Step tpm_text(Context& context, TpmDraft& draft, const Field& field) {
  const std::string* value = want_string(context, field.node);
  if (value == nullptr) return Step::kWrongType;
  draft.tpm.*Member = *value;
  return Step::kNext;
}

Step tpm(Context& context, Draft& draft, const Field& field) {
  static const Rule<TpmDraft> kRules[] = {
      {"keys_file", tpm_text<&JetStreamTpm::keys_file>},
      {"encryption_password", tpm_text<&JetStreamTpm::encryption_password>},
      {"srk_password", tpm_text<&JetStreamTpm::srk_password>},
      {"pcr",
       [](Context& c, TpmDraft& d, const Field& f) {
         const int64_t* value = want_integer(c, f.node);
         if (value == nullptr) return Step::kWrongType;
         d.tpm.pcr = *value;
         return Step::kNext;
       }},
      {"cipher",
       [](Context& c, TpmDraft& d, const Field& f) { return read_cipher(c, f, d.cipher); }},
  };
  static const Block<TpmDraft> kBlock{.rules = kRules, .guarded = false};
  TpmDraft inner;
  inner.cipher = draft.options.cipher;
  const Step step = inner_map(context, field, "JetStreamLimits", kBlock, inner);
  draft.options.tpm = inner.tpm;
  draft.options.cipher = inner.cipher;
  return step;
}

const Block<Draft>& jetstream_block() {
  using Js = JetStreamOptions;
  static const Rule<Draft> kRules[] = {
      {"strict", strict},
      {"store|store_dir|storedir", store_dir},
      {"sync|sync_interval", sync_interval},
      {"max_memory_store|max_mem_store|max_mem", max_memory},
      {"max_file_store|max_file", max_file},
      {"domain", text<&Js::domain>},
      {"enable|enabled", enable},
      {"key|ek|encryption_key", text<&Js::key>},
      {"prev_key|prev_ek|prev_encryption_key", text<&Js::prev_key>},
      {"cipher", cipher},
      {"extension_hint", text<&Js::extension_hint>},
      {"limits", limits},
      {"tpm", tpm},
      {"unique_tag", unique_tag},
      {"max_outstanding_catchup", size<&Js::max_outstanding_catchup>},
      {"max_buffered_size", size<&Js::max_buffered_size>},
      {"max_buffered_msgs", count<&Js::max_buffered_msgs>},
      {"request_queue_limit", count<&Js::request_queue_limit>},
      {"info_queue_limit", count<&Js::info_queue_limit>},
      {"meta_compact", meta_compact},
      {"meta_compact_size", meta_compact_size},
      {"meta_compact_sync", meta_compact_sync},
      {"max_concurrent_io", max_concurrent_io},
  };
  static const Block<Draft> kBlock{.rules = kRules, .guarded = false};
  return kBlock;
}

Step on_or_off(Context& context, Options& options, const Field& field, const std::string& word) {
  const std::string plain = lower(word);
  if (plain == "enabled" || plain == "enable") {
    options.jetstream.enabled = true;
  } else if (plain == "disabled" || plain == "disable") {
    options.jetstream.enabled = false;
  } else {
    return stop(context, &field.node,
                "Expected 'enabled' or 'disabled' for string value, got '" + word + "'");
  }
  return Step::kNext;
}

}  // namespace

Step read_jetstream(Context& context, Options& options, const Field& field) {
  if (const bool* enabled = field.node.boolean()) {
    options.jetstream.enabled = *enabled;
    return Step::kNext;
  }
  if (const std::string* word = field.node.string()) {
    return on_or_off(context, options, field, *word);
  }
  const Map* map = field.node.map();
  if (map == nullptr) {
    return stop(
        context, &field.node,
        "Expected map, bool or string to define JetStream, got " + type_name(field.node.value));
  }
  Draft draft{options.jetstream};
  const Step step = read_block(context, *map, jetstream_block(), draft);
  if (step == Step::kNext) options.jetstream.enabled = draft.enable;
  return step;
}

Step read_store_dir(Context& context, Options& options, const Field& field) {
  Draft draft{options.jetstream};
  return store_dir(context, draft, field);
}

}  // namespace petrel::conf
