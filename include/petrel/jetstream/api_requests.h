// Requests of the JetStream API: what stands in their subjects and bodies.
//
// Bodies are read with the rules of Go's encoding/json and answered with its error texts (10025);
// strict: unknown fields are refused. Lenient reading takes what it knows.
// Thread: pure functions, any thread. Limits: the depth of JSON is bounded by 10,000 and read
// without recursion; the size is the message's.
// Source: spec api.md sections 1 to 3.
#pragma once

#include "petrel/base/result.h"
#include "petrel/jetstream/api_error.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/consumer_config.h"
#include "petrel/jetstream/stream_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace petrel::jetstream {

// --- subjects ---

enum class ApiCall : uint8_t {
  kUnknown,  // no answer at all
  kAccountInfo,
  kStreamCreate,
  kStreamUpdate,
  kStreamNames,
  kStreamList,
  kStreamInfo,
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
  kDirectGet,
  kConsumerCreate,
  kConsumerNames,
  kConsumerList,
  kConsumerInfo,
  kConsumerDelete,
  kConsumerPause,
  kConsumerReset,
  kConsumerUnpin,
  kConsumerNext,
  kConsumerLeaderStepDown,
  kConsumerRemovePeer,
  kConsumerEvacuatePeer,
  kMetaLeaderStepDown,
  kMetaServerRemove,
  kMetaServerEvacuate,
  kMetaRescue,
  kAccountPurge,
  kAccountStreamMove,
  kAccountStreamCancelMove,
};

// A subject taken apart; the slices point into it.
struct ApiSubject {
  ApiCall call = ApiCall::kUnknown;
  Slice stream = {};
  Slice consumer = {};      // also the account of kAccount...
  Slice filter = {};        // consumer create with a filter, direct get with a subject
  bool is_durable = false;  // the legacy form CONSUMER.DURABLE.CREATE
  bool is_system = false;   // only for the system account
  ApiKind kind = ApiKind::kSystem;
};
// `subject` begins with "$JS.API."; a domain's form is mapped to it before.
ApiSubject parse_api_subject(Slice subject);

// --- bodies ---

struct StreamConfigRequest {
  StreamConfig config = {};
  bool pedantic = false;
};

struct ConsumerCreateRequest {
  std::string stream_name = {};
  ConsumerConfig config = {};
  ConsumerAction action = ConsumerAction::kCreateOrUpdate;
  bool pedantic = false;
  std::string identity = {};  // of the stream, as its sourcer knows it (Nats-Stream-Identity)
};

struct PagedRequest {
  uint64_t offset = 0;       // negative: 0
  std::string subject = {};  // STREAM.NAMES, STREAM.LIST
};

struct StreamInfoRequest {
  uint64_t offset = 0;
  bool deleted_details = false;
  std::string subjects_filter = {};
};

struct StreamPurgeRequest {
  uint64_t seq = 0;
  std::string filter = {};
  uint64_t keep = 0;
};

struct MessageGetRequest {
  uint64_t seq = 0;
  std::string last_by_subj = {};
  std::string next_by_subj = {};
  int64_t batch = 0;
  int64_t max_bytes = 0;
  std::optional<WallTime> start_time = {};
  std::vector<std::string> multi_last = {};
  uint64_t up_to_seq = 0;
  std::optional<WallTime> up_to_time = {};
  bool no_hdr = false;
};

struct MessageDeleteRequest {
  uint64_t seq = 0;
  bool no_erase = false;
};

struct StreamSnapshotRequest {
  std::string deliver_subject = {};
  bool no_consumers = false;
  int64_t chunk_size = 0;
  int64_t window_size = 0;
  bool jsck = false;
};

struct StreamRestoreRequest {
  StreamConfig config = {};
  StreamStateView state = {};
};

struct PeerRequest {
  std::string peer = {};     // name of a server, or the id of a peer
  std::string peer_id = {};  // META only
};

struct StreamMoveRequest {
  std::string server = {};
  std::string cluster = {};
  std::string domain = {};
  std::vector<std::string> tags = {};
};

struct PullRequest {
  Duration expires = {};
  int64_t batch = 0;
  int64_t max_bytes = 0;
  bool no_wait = false;
  Duration idle_heartbeat = {};
  std::string group = {};
  int64_t min_pending = 0;
  int64_t min_ack_pending = 0;
  std::string id = {};
  int64_t priority = 0;
  bool is_json = false;
};

// Bodies that are optional: an empty one, or one that does not begin with '{' or '[', is the
// default value. Errors: 10025, and what the request refuses by itself (10003).
ApiResult<StreamConfigRequest> parse_stream_config(Slice body, bool strict);
ApiResult<ConsumerCreateRequest> parse_consumer_create(Slice body, bool strict);
ApiResult<PagedRequest> parse_stream_page(Slice body, bool strict,
                                          ApiCall call = ApiCall::kStreamNames);
ApiResult<PagedRequest> parse_consumer_page(Slice body, bool strict);
ApiResult<StreamInfoRequest> parse_stream_info(Slice body, bool strict);
ApiResult<StreamPurgeRequest> parse_stream_purge(Slice body, bool strict);
ApiResult<MessageGetRequest> parse_message_get(Slice body, bool strict);
ApiResult<MessageDeleteRequest> parse_message_delete(Slice body, bool strict);
ApiResult<StreamSnapshotRequest> parse_stream_snapshot(Slice body, bool strict);
ApiResult<StreamRestoreRequest> parse_stream_restore(Slice body, bool strict);
// Unset: resume.
ApiResult<std::optional<WallTime>> parse_consumer_pause(Slice body, bool strict);
ApiResult<uint64_t> parse_consumer_reset(Slice body);
ApiResult<std::string> parse_consumer_unpin(Slice body);
ApiResult<std::optional<Placement>> parse_step_down(Slice body, bool strict);
ApiResult<PeerRequest> parse_peer(ApiCall call, Slice body, bool strict);
ApiResult<int64_t> parse_rescue(Slice body, bool strict);
ApiResult<StreamMoveRequest> parse_stream_move(Slice body, bool strict);

// No bytes, or a JSON object without members (what some requests demand, others refuse).
bool is_empty_request(Slice body);

// Direct get: the text behind 408 on refusal ("Empty Request", "Malformed Request", "Bad Request").
Result<MessageGetRequest> parse_direct_get(Slice body);
// The form with the subject behind the stream's name; it is then last_by_subj.
Result<MessageGetRequest> parse_direct_get_last(Slice subject, Slice body);
// Pull: the text behind "400 Bad Request - " on refusal.
Result<PullRequest> parse_pull(Slice body);

// Reads a stored or archived configuration, or one in an entry; kCorrupt with Go's text.
Result<StreamConfig> read_stream_config(Slice json);
Result<ConsumerConfig> read_consumer_config(Slice json);

// How a request for `offset` is answered: the page begins at min(offset, total).
inline constexpr uint64_t kNamesPage = 1024;
inline constexpr uint64_t kListPage = 256;
inline constexpr uint64_t kSubjectsPage = 100'000;
Page page_of(uint64_t offset, uint64_t total, uint64_t limit);

// The header "Nats-Required-Api-Level": an error (10185) if it asks for more than this server has.
ApiStatus check_required_level(Slice header_value);

}  // namespace petrel::jetstream
