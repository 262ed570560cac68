// Answers of the JetStream API as JSON: what streams, consumers and the account tell of themselves
// (views, filled by their owners), and functions that write whole answers. Keys, order and omission
// are nats-server's.
//
// Thread: values and pure functions, any thread. WallTime{0} in a view means unset and is written
// as "0001-01-01T00:00:00Z".
// Source: spec api.md sections 1 to 3 and 6.
#pragma once

#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_config.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace petrel::jetstream {

// --- views ---

struct LostMessages {
  std::vector<uint64_t> msgs = {};
  uint64_t bytes = 0;
};

struct StreamStateView {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t first_seq = 0;
  WallTime first_ts = {};
  uint64_t last_seq = 0;
  WallTime last_ts = {};
  uint64_t num_subjects = 0;
  std::vector<std::pair<std::string, uint64_t>> subjects = {};  // one page, sorted by subject
  uint64_t num_deleted = 0;
  std::vector<uint64_t> deleted = {};
  std::optional<LostMessages> lost = {};
  uint64_t consumer_count = 0;
};

struct PeerView {
  std::string name = {};
  bool current = false;
  bool offline = false;
  Duration active = {};
  uint64_t lag = 0;
  std::string peer = {};
};

struct ClusterView {
  std::string name = {};
  std::string raft_group = {};
  std::string leader = {};
  WallTime leader_since = {};
  bool system_account = false;
  std::string traffic_account = {};
  std::vector<PeerView> replicas = {};
};

struct StreamSourceView {
  std::string name = {};
  std::optional<ExternalStream> external = {};
  uint64_t lag = 0;
  uint64_t seq = 0;
  Duration active = {-1};  // since the last message; -1 ns: never
  std::optional<ApiError> error = {};
  std::string filter_subject = {};
  std::vector<SubjectTransformConfig> subject_transforms = {};
};

struct StreamAlternate {
  std::string name = {};
  std::string domain = {};
  std::string cluster = {};
};

struct StreamInfoView {
  StreamConfig config = {};  // as stored; the metadata of the server is added by the writers
  WallTime created = {};
  StreamStateView state = {};
  std::string domain = {};
  std::optional<ClusterView> cluster = {};
  std::optional<StreamSourceView> mirror = {};
  std::vector<StreamSourceView> sources = {};
  std::vector<StreamAlternate> alternates = {};
  WallTime ts = {};
};

struct SequenceView {
  uint64_t consumer_seq = 0;
  uint64_t stream_seq = 0;
  WallTime last_active = {};  // unset: left out
};

struct PriorityGroupView {
  std::string group = {};
  std::string pinned_client_id = {};
  WallTime pinned_ts = {};
};

struct ConsumerInfoView {
  std::string stream_name = {};
  std::string name = {};
  WallTime created = {};
  ConsumerConfig config = {};  // as stored; the metadata of the server is added by the writers
  SequenceView delivered = {};
  SequenceView ack_floor = {};
  uint64_t num_ack_pending = 0;
  uint64_t num_redelivered = 0;
  uint64_t num_waiting = 0;
  uint64_t num_pending = 0;
  std::optional<ClusterView> cluster = {};
  bool push_bound = false;
  bool paused = false;
  Duration pause_remaining = {};
  WallTime ts = {};
  std::vector<PriorityGroupView> priority_groups = {};
};

struct StoredMessageView {
  Slice subject = {};
  uint64_t seq = 0;
  Slice header = {};
  Slice body = {};
  WallTime time = {};
};

struct TierView {
  uint64_t memory = 0;
  uint64_t storage = 0;
  uint64_t reserved_memory = 0;
  uint64_t reserved_storage = 0;
  uint64_t streams = 0;
  uint64_t consumers = 0;
  ConfigLimits limits = {};
};

struct AccountInfoView {
  TierView total = {};
  std::string domain = {};
  uint64_t api_total = 0;
  uint64_t api_errors = 0;
  std::map<std::string, TierView> tiers = {};
};

struct PubAckView {
  Slice stream;
  Slice domain = {};
  uint64_t seq = 0;
  bool duplicate = false;
  Slice value = {};  // counters
  Slice batch = {};
  uint64_t count = 0;
};

struct Page {
  uint64_t total = 0;
  uint64_t offset = 0;
  uint64_t limit = 0;
};

// --- whole answers ---

// Names of answers: "io.nats.jetstream.api.v1." + kind + "_response".
enum class ApiKind : uint8_t {
  kSystem,
  kAccountInfo,
  kStreamCreate,
  kStreamUpdate,
  kStreamInfo,
  kStreamNames,
  kStreamList,
  kStreamDelete,
  kStreamPurge,
  kStreamSnapshot,
  kStreamRestore,
  kStreamMessageGet,
  kStreamMessageDelete,
  kStreamLeaderStepDown,
  kStreamRemovePeer,
  kStreamEvacuatePeer,
  kStreamCancelMove,
  kConsumerCreate,
  kConsumerInfo,
  kConsumerNames,
  kConsumerList,
  kConsumerDelete,
  kConsumerPause,
  kConsumerReset,
  kConsumerUnpin,
  kConsumerLeaderStepDown,
  kConsumerRemovePeer,
  kConsumerEvacuatePeer,
  kMetaLeaderStepDown,
  kMetaServerRemove,
  kMetaServerEvacuate,
  kMetaRescue,
  kAccountPurge,
};
Slice api_type(ApiKind kind);

// A refusal, with the keys that nats-server leaves in it (total, streams:null, purged:0 ...).
std::string error_json(ApiKind kind, const ApiError& error);
// {"type":..,"success":true}, for deletes and step downs; kConsumerUnpin: only the type.
std::string success_json(ApiKind kind);

std::string stream_create_json(const StreamInfoView& info);  // with did_create
std::string stream_update_json(const StreamInfoView& info);
// `page` total 0: no subjects were asked for. A request may ask for the type kStreamCreate.
std::string stream_info_json(const StreamInfoView& info, const Page& page,
                             ApiKind kind = ApiKind::kStreamInfo);
std::string stream_names_json(const std::vector<std::string>& names, const Page& page);
std::string stream_list_json(const std::vector<StreamInfoView>& streams, const Page& page,
                             const std::map<std::string, std::string>& offline = {});
std::string stream_purge_json(uint64_t purged);
std::string stream_snapshot_json(const StreamConfig& config, const StreamStateView& state);
std::string stream_restore_json(Slice deliver_subject);
// The end of a restore.
std::string stream_restored_json(const StreamInfoView& info);
std::string message_get_json(const StoredMessageView& message);

// kConsumerCreate, kConsumerInfo.
std::string consumer_info_json(ApiKind kind, const ConsumerInfoView& info);
std::string consumer_reset_json(const ConsumerInfoView& info, uint64_t reset_seq);
std::string consumer_names_json(const std::vector<std::string>& names, const Page& page);
std::string consumer_list_json(const std::vector<ConsumerInfoView>& consumers, const Page& page,
                               const std::map<std::string, std::string>& offline = {});
std::string consumer_pause_json(bool paused, WallTime until, Duration remaining);

std::string account_info_json(const AccountInfoView& info);
std::string account_purge_json(bool initiated);

// --- data path: no allocation but the growth of `out` ---

void append_pub_ack(std::string& out, const PubAckView& ack);
void append_pub_ack_error(std::string& out, const ApiError& error, Slice stream);

// --- parts, for advisories, monitoring and stored assets ---

std::string stream_config_json(const StreamConfig& config);
std::string consumer_config_json(const ConsumerConfig& config);
std::string stream_state_json(const StreamStateView& state);
// "2026-11-21T00:02:54.834199214Z" without quotes; unset as year 1.
void append_time(std::string& out, WallTime time);

}  // namespace petrel::jetstream
