// Rules for mirrors and sources.
#include "jetstream/stream_config_check.h"

#include "petrel/base/go_quote.h"
#include "petrel/subject/subject.h"
#include "petrel/subject/subject_transform.h"

#include <deque>
#include <set>

namespace petrel::jetstream {

namespace {

constexpr Slice kApiPrefix = "$JS.API";

const StreamConfig* find_stream(const StreamCheckContext& context, const std::string& name) {
  for (const StreamConfig* stream : context.streams) {
    if (stream->name == name) return stream;
  }
  return nullptr;
}

bool is_literal_subject(const std::string& text) {
  return subject::is_valid_subject(text) && subject::is_literal(text);
}

// What a mirror can not be together with.
ApiStatus check_mirror_excludes(const StreamConfig& config) {
  if (config.first_seq > 0) return api_error(ApiErrc::kMirrorWithFirstSeq);
  if (!config.subjects.empty()) return api_error(ApiErrc::kMirrorWithSubjects);
  if (!config.sources.empty()) return api_error(ApiErrc::kMirrorWithSources);
  if (config.allow_msg_counter) return api_error(ApiErrc::kMirrorWithCounters);
  if (config.allow_atomic) return api_error(ApiErrc::kMirrorWithAtomicPublish);
  if (config.allow_batched) return api_error(ApiErrc::kMirrorWithBatchPublish);
  if (config.allow_msg_schedules) return api_error(ApiErrc::kMirrorWithMsgSchedules);
  return {};
}

// A consumer that exists already decides where reading starts and what is read.
bool is_valid_consumer(const StreamSource& source) {
  return is_valid_asset_name(source.consumer->name) &&
         is_literal_subject(source.consumer->deliver_subject) && source.opt_start_seq == 0 &&
         !source.opt_start_time && source.filter_subject.empty();
}

// The errors that differ between mirrors and sources.
struct OriginErrors {
  ApiErrc filter;
  ApiErrc destination;
};

ApiStatus check_transform(const SubjectTransformConfig& transform, const OriginErrors& errors) {
  if (!transform.src.empty() && !subject::is_valid_subject(transform.src)) {
    return api_error(errors.filter, "invalid subject " + transform.src);
  }
  const Status status = subject::check_mapping_destination(transform.src, transform.dest);
  if (!status) return api_error(errors.destination, status.error().detail);
  return {};
}

ApiStatus check_mirror_transforms(const StreamSource& mirror) {
  constexpr OriginErrors kErrors{ApiErrc::kMirrorInvalidSubjectFilter,
                                 ApiErrc::kMirrorInvalidTransformDestination};
  const auto& transforms = mirror.subject_transforms;
  for (size_t i = 0; i < transforms.size(); ++i) {
    PETREL_REFUSE(check_transform(transforms[i], kErrors));
    for (size_t j = 0; j < transforms.size(); ++j) {
      if (i != j && subject::subjects_collide(transforms[i].src, transforms[j].src)) {
        return api_error(ApiErrc::kMirrorOverlappingSubjectFilters);
      }
    }
  }
  return {};
}

bool is_smaller(const StreamConfig& config, const StreamConfig& origin) {
  return config.max_msg_size > 0 && origin.max_msg_size > 0 &&
         config.max_msg_size < origin.max_msg_size;
}

ApiStatus check_mirror_origin(StreamConfig& config, const StreamCheckContext& context) {
  if (!is_valid_asset_name(config.mirror->name)) {
    return api_error(ApiErrc::kMirrorInvalidStreamName);
  }
  const StreamConfig* origin = find_stream(context, config.mirror->name);
  if (origin == nullptr) return {};
  if (is_smaller(config, *origin)) return api_error(ApiErrc::kMirrorMaxMessageSizeTooBig);
  if (context.pedantic && config.mirror_direct != origin->allow_direct) {
    return pedantic_error("origin stream has direct get set, mirror has it disabled");
  }
  config.mirror_direct = origin->allow_direct;
  return {};
}

ApiStatus check_mirror(StreamConfig& config, const StreamCheckContext& context) {
  if (!config.mirror) return {};
  PETREL_REFUSE(check_mirror_excludes(config));
  const StreamSource& mirror = *config.mirror;
  if (mirror.consumer && !is_valid_consumer(mirror)) {
    return api_error(ApiErrc::kMirrorDurableConsumerCfgInvalid);
  }
  if (!mirror.filter_subject.empty() && !mirror.subject_transforms.empty()) {
    return api_error(ApiErrc::kMirrorMultipleFiltersNotAllowed);
  }
  if (config.subject_delete_marker_ttl.ns > 0) {
    return invalid_config("subject delete markers forbidden on mirrors");
  }
  PETREL_REFUSE(check_mirror_transforms(mirror));
  return mirror.external ? ApiStatus() : check_mirror_origin(config, context);
}

// What tells two sources apart: origin, domain, consumer, filters and their destinations.
std::string index_name(const StreamSource& source) {
  std::string name = source.name;
  const auto add = [&name](char mark, const std::string& text) {
    name.push_back(mark);
    name += text;
  };
  if (source.external) add('\1', source.external->api);
  if (source.consumer) add('\2', source.consumer->name);
  const auto or_all = [](const std::string& text) { return text.empty() ? ">" : text; };
  if (source.subject_transforms.empty()) {
    add(' ', or_all(source.filter_subject));
    add(' ', ">");
    return name;
  }
  std::string destinations;
  for (const SubjectTransformConfig& transform : source.subject_transforms) {
    add(&transform == &source.subject_transforms.front() ? ' ' : '\f', or_all(transform.src));
    if (!destinations.empty()) destinations.push_back('\f');
    destinations += or_all(transform.dest);
  }
  add(' ', destinations);
  return name;
}

ApiStatus check_source_filters(const StreamSource& source) {
  constexpr OriginErrors kErrors{ApiErrc::kSourceInvalidSubjectFilter,
                                 ApiErrc::kSourceInvalidTransformDestination};
  const auto& transforms = source.subject_transforms;
  if (!source.filter_subject.empty() && !transforms.empty()) {
    return api_error(ApiErrc::kSourceMultipleFiltersNotAllowed);
  }
  for (const SubjectTransformConfig& transform : transforms) {
    PETREL_REFUSE(check_transform(transform, kErrors));
  }
  for (size_t i = 0; i < transforms.size(); ++i) {
    for (size_t j = 0; j < transforms.size(); ++j) {
      if (i != j && subject::is_subset_match(transforms[i].src, transforms[j].src)) {
        return api_error(ApiErrc::kSourceOverlappingSubjectFilters);
      }
    }
  }
  return {};
}

std::string consumer_index_name(const StreamSource& source) {
  std::string name = source.name;
  if (source.external) name += '\1' + source.external->api;
  return name + " " + source.consumer->name;
}

ApiStatus check_sources(const StreamConfig& config, const StreamCheckContext& context) {
  if (!config.sources.empty() && config.allow_msg_schedules) {
    return api_error(ApiErrc::kSourceWithMsgSchedules);
  }
  std::set<std::string> names;
  std::set<std::string> consumers;
  for (const StreamSource& source : config.sources) {
    if (!is_valid_asset_name(source.name)) return api_error(ApiErrc::kSourceInvalidStreamName);
    if (!names.insert(index_name(source)).second) {
      return api_error(ApiErrc::kSourceDuplicateDetected);
    }
    PETREL_REFUSE(check_source_filters(source));
    if (source.consumer) {
      if (!is_valid_consumer(source)) return api_error(ApiErrc::kSourceDurableConsumerCfgInvalid);
      if (!consumers.insert(consumer_index_name(source)).second) {
        return api_error(ApiErrc::kSourceDurableConsumerDuplicateDetected);
      }
    }
    if (source.external) continue;
    const StreamConfig* origin = find_stream(context, source.name);
    if (origin != nullptr && is_smaller(config, *origin)) {
      return api_error(ApiErrc::kSourceMaxMessageSizeTooBig);
    }
  }
  return {};
}

std::vector<const StreamSource*> origins_of(const StreamConfig& config) {
  std::vector<const StreamSource*> origins;
  if (config.mirror) origins.push_back(&*config.mirror);
  for (const StreamSource& source : config.sources) origins.push_back(&source);
  return origins;
}

// Deliveries of another domain must not land on subjects of the local origins.
ApiStatus check_deliver_prefixes(const StreamConfig& config, const StreamCheckContext& context) {
  for (const StreamSource* source : origins_of(config)) {
    if (!source->external || source->external->deliver.empty()) continue;
    const std::string& prefix = source->external->deliver;
    if (!is_literal_subject(prefix)) {
      return api_error(ApiErrc::kStreamInvalidExternalDeliverySubj, {{"{prefix}", prefix}});
    }
    for (const StreamSource* local : origins_of(config)) {
      const StreamConfig* origin = local->external ? nullptr : find_stream(context, local->name);
      if (origin == nullptr) continue;
      for (const std::string& captured : origin->subjects) {
        if (subject::subjects_collide(captured, prefix + "." + captured)) {
          return api_error(ApiErrc::kStreamExternalDelPrefixOverlaps,
                           {{"{prefix}", prefix}, {"{subject}", captured}});
        }
      }
    }
  }
  return {};
}

ApiStatus check_api_prefixes(const StreamConfig& config) {
  for (const StreamSource* source : origins_of(config)) {
    if (!source->external || source->external->api.empty()) continue;
    const std::string& prefix = source->external->api;
    if (!is_literal_subject(prefix)) {
      return invalid_config("stream external api prefix " + go_quote(prefix) +
                            " must be a valid subject without wildcards");
    }
    if (subject::subjects_collide(prefix, kApiPrefix)) {
      return api_error(ApiErrc::kStreamExternalApiOverlap,
                       {{"{prefix}", prefix}, {"{subject}", kApiPrefix}});
    }
  }
  return {};
}

bool collides_with_any(const std::vector<std::string>& subjects, const std::string& filter) {
  if (filter.empty()) return true;
  for (const std::string& captured : subjects) {
    if (subject::subjects_collide(captured, filter)) return true;
  }
  return false;
}

// Walks from the stream to what it reads from, and on; meeting a visited one is a cycle. Every
// stream is expanded once, though nameless repeats in the queue are possible.
ApiStatus check_cycles(const StreamConfig& config, const StreamCheckContext& context) {
  std::deque<const StreamConfig*> queue = {&config};
  std::set<std::string> visited;
  std::set<const StreamConfig*> queued;
  const auto visit = [&](const std::string& name) {
    const StreamConfig* origin = find_stream(context, name);
    if (origin != nullptr && queued.insert(origin).second) queue.push_back(origin);
  };
  while (!queue.empty()) {
    const StreamConfig& current = *queue.front();
    queue.pop_front();
    visited.insert(current.name);
    for (const StreamSource& source : current.sources) {
      if (source.external) continue;
      if (visited.count(source.name) == 0) {
        visit(source.name);
      } else if (collides_with_any(current.subjects, source.filter_subject)) {
        return invalid_config("detected cycle");
      }
    }
    if (!current.mirror || current.mirror->external) continue;
    if (visited.count(current.mirror->name) != 0) return invalid_config("detected cycle");
    visit(current.mirror->name);
  }
  return {};
}

}  // namespace

ApiStatus check_origins(StreamConfig& config, const StreamCheckContext& context) {
  PETREL_REFUSE(check_mirror(config, context));
  PETREL_REFUSE(check_sources(config, context));
  PETREL_REFUSE(check_deliver_prefixes(config, context));
  PETREL_REFUSE(check_api_prefixes(config));
  return check_cycles(config, context);
}

}  // namespace petrel::jetstream
