#include "client/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/suggest.h"
#include "client/security.h"

namespace client {

namespace {

using std::chrono::steady_clock;

// How long to wait for a server that refuses connections (kRefusedLimit), and for a server that does not answer
// (kSilentLimit). The wait does not end at the first refusal, because "localhost" has two addresses, and librdkafka
// tries the second one after the first has failed.
constexpr auto kRefusedLimit = std::chrono::milliseconds(1500);
constexpr auto kSilentLimit = std::chrono::seconds(5);

using Metadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

// Drops a log line of librdkafka, which would write it to stderr without this callback.
void drop_log_line(const rd_kafka_t*, int, const char*, const char*) {}

Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> problem{};
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), problem.data(), problem.size())) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      fmt::print(stderr, "warning: unrecognized property {} has no effect\n", name);
      return {};
    case RD_KAFKA_CONF_INVALID:
      break;
  }
  return Error{ErrorCode::InvalidParameter,
               fmt::format("{}={}: {}", name, is_secret(name) ? "..." : value, problem.data())};
}

std::vector<NodeId> node_ids(const int32_t* ids, int count) {
  std::vector<NodeId> nodes;
  for (int i = 0; i < count; ++i) nodes.emplace_back(ids[i]);
  return nodes;
}

TopicDescription to_description(const rd_kafka_metadata_topic_t& topic) {
  TopicDescription description{topic.topic, {}};
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const rd_kafka_metadata_partition_t& partition = topic.partitions[i];
    PartitionDescription described{PartitionId{partition.id},
                                   {},
                                   node_ids(partition.replicas, partition.replica_cnt),
                                   node_ids(partition.isrs, partition.isr_cnt)};
    if (partition.leader >= 0) described.leader = NodeId{partition.leader};
    description.partitions.push_back(std::move(described));
  }
  std::ranges::sort(description.partitions, {}, &PartitionDescription::id);
  return description;
}

// Returns the middle part of an error text of librdkafka. For example, of
// "localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms
// in state CONNECT)" the first name and the part in parentheses are removed.
std::string plain_reason(std::string_view reason) {
  if (const size_t name_end = reason.find(": "); name_end != reason.npos)
    reason.remove_prefix(name_end + 2);
  if (const size_t state = reason.find(" (after "); state != reason.npos)
    reason = reason.substr(0, state);
  return std::string(reason);
}

// Returns the protocol of a server whose answer librdkafka could not read; empty if it is unknown.
// librdkafka has read the first four bytes of the answer as a size: "HTTP", or the letter E and a
// part of the length of a PostgreSQL error.
std::string_view other_protocol(std::string_view reason) {
  constexpr std::string_view kSize = "Invalid response size ";
  constexpr int64_t kHttp = 0x48545450, kErrorResponse = 0x45, kAnyLength = 1 << 24;
  const size_t at = reason.find(kSize);
  if (at == reason.npos) return {};
  int64_t size = 0;
  const std::string_view number = reason.substr(at + kSize.size());
  std::from_chars(number.data(), number.data() + number.size(), size);
  if (size == kHttp) return "HTTP";
  return size / kAnyLength == kErrorResponse ? "PostgreSQL" : std::string_view();
}

}  // namespace

// The reasons why connections have failed. librdkafka reports errors on the thread that polls it,
// which may differ from the owner's.
struct Connection::Trouble {
  std::mutex mutex;
  // Guarded by mutex.
  std::string reason;
  bool all_down = false;
};

namespace {

// Checks the ports of HOST:PORT,HOST:PORT. librdkafka takes 99999 modulo 65536 and connects to another port.
Status check_ports(std::string_view servers) {
  constexpr int kMaxPort = 65'535;
  while (!servers.empty()) {
    const std::string_view server = servers.substr(0, servers.find(','));
    servers.remove_prefix(std::min(server.size() + 1, servers.size()));
    const size_t colon = server.rfind(':');
    // [::1] has colons, but no port.
    if (colon == server.npos || server.ends_with(']')) continue;
    const std::string_view port = server.substr(colon + 1);
    int number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error == std::errc() && end == port.data() + port.size() && number > 0 &&
        number <= kMaxPort)
      continue;
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" has no valid port: \"{}\" is not a number from 1 to {}",
                             server, port, kMaxPort),
                 {},
                 "Kafka's default port is 9092: --bootstrap-server localhost:9092."};
  }
  return {};
}

}  // namespace

Connection::Connection(std::string bootstrap_server)
    : bootstrap_server_(std::move(bootstrap_server)), trouble_(std::make_unique<Trouble>()) {}

Connection::Connection(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(rd_kafka_type_t type, const Settings& settings,
                                    const Properties& defaults, int events) {
  TRY(check_ports(settings.bootstrap_server));
  Connection connection(settings.bootstrap_server);
  Owned<rd_kafka_conf_t, rd_kafka_conf_destroy> conf(rd_kafka_conf_new());
  TRY(set(conf.get(), "client.id", "millrace"));
  TRY(set(conf.get(), "reconnect.backoff.max.ms", "1000"));
  // Refuses damaged records, as Java's consumers do.
  if (type == RD_KAFKA_CONSUMER) TRY(set(conf.get(), "check.crcs", "true"));
  for (const auto& [name, value] : defaults) TRY(set(conf.get(), name, value));
  for (const auto& [name, value] : TRY(with_own_security(settings.properties))) {
    const Setting setting = to_librdkafka(name, value);
    if (!setting.name.empty()) TRY(set(conf.get(), setting.name, setting.value));
  }
  TRY(set(conf.get(), "bootstrap.servers", settings.bootstrap_server));
  rd_kafka_conf_set_log_cb(conf.get(), drop_log_line);
  rd_kafka_conf_set_opaque(conf.get(), connection.trouble_.get());
  rd_kafka_conf_set_error_cb(conf.get(),
                             [](rd_kafka_t*, int code, const char* reason, void* opaque) {
                               Connection::note_in(*static_cast<Trouble*>(opaque),
                                                   static_cast<rd_kafka_resp_err_t>(code), reason);
                             });
  if (events != 0) rd_kafka_conf_set_events(conf.get(), events);
  std::array<char, 512> problem{};
  connection.handle_.reset(rd_kafka_new(type, conf.get(), problem.data(), problem.size()));
  if (!connection.handle_) return Error{ErrorCode::InvalidParameter, problem.data()};
  std::ignore = conf.release();  // rd_kafka_new() has passed the ownership to the client
  return connection;
}

void Connection::note_in(Trouble& trouble, rd_kafka_resp_err_t code, const char* reason) {
  const std::lock_guard lock(trouble.mutex);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
    trouble.all_down = true;
  else
    trouble.reason = plain_reason(reason ? reason : rd_kafka_err2str(code));
}

void Connection::note(rd_kafka_resp_err_t code, const char* reason) {
  note_in(*trouble_, code, reason);
}

bool Connection::has_lost_server() {
  const std::lock_guard lock(trouble_->mutex);
  return std::exchange(trouble_->all_down, false);
}

void Connection::warn_if_lost() {
  if (has_lost_server())
    fmt::print(stderr, "warning: no Kafka server answers at {}, still trying\n", bootstrap_server_);
}

Error Connection::unreachable() const {
  const std::lock_guard lock(trouble_->mutex);
  if (const std::string_view other = other_protocol(trouble_->reason); !other.empty())
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("no Kafka server answers at {}", bootstrap_server_),
                 fmt::format("A server that uses the {} protocol answers there.", other),
                 "Connect to the address in --kafka (port 9092 by default): --bootstrap-server "
                 "HOST:PORT."};
  return Error{ErrorCode::NetworkFailure,
               fmt::format("no Kafka server answers at {}", bootstrap_server_), trouble_->reason,
               "Check that millrace server is running at this address. --bootstrap-server "
               "HOST:PORT sets another address."};
}

Error Connection::no_answer(int waited_ms) const {
  constexpr int kLookMs = 3000;
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t code = rd_kafka_metadata(handle_.get(), 0, nullptr, &raw, kLookMs);
  const Metadata answer(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unreachable();
  return Error{ErrorCode::NetworkFailure,
               fmt::format("the Kafka server at {} accepts connections but has not answered within "
                           "{} s",
                           bootstrap_server_, waited_ms / 1000),
               {},
               "The change may still happen. Check with millrace topic list before you repeat it."};
}

Result<std::vector<TopicDescription>> Connection::metadata(rd_kafka_topic_t* only) {
  const auto began = steady_clock::now();
  const rd_kafka_metadata_t* raw = nullptr;
  bool is_refused = false;
  for (int wait_ms = 250;; wait_ms *= 2) {
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(handle_.get(), only == nullptr, only, &raw, wait_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    rd_kafka_poll(handle_.get(), 0);  // delivers the errors of connections
    is_refused |= has_lost_server();
    const auto passed = steady_clock::now() - began;
    if (passed > kSilentLimit || (is_refused && passed > kRefusedLimit)) return unreachable();
  }
  const Metadata answer(raw);
  std::vector<TopicDescription> topics;
  for (int i = 0; i < answer->topic_cnt; ++i)
    if (answer->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
      topics.push_back(to_description(answer->topics[i]));
  std::ranges::sort(topics, {}, &TopicDescription::name);
  return topics;
}

Result<std::vector<TopicDescription>> Connection::topics() { return metadata(nullptr); }

Result<std::optional<TopicDescription>> Connection::topic(const std::string& name,
                                                          IfMissing if_missing) {
  // Only a request that names one topic can create the topic. A request for all topics never
  // creates one.
  TopicHandle only;
  if (if_missing == IfMissing::MayCreate)
    only.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  std::vector<TopicDescription> topics = TRY(metadata(only.get()));
  const auto found = std::ranges::find(topics, name, &TopicDescription::name);
  if (found == topics.end()) return std::optional<TopicDescription>();
  return std::optional(std::move(*found));
}

Error kafka_failure(rd_kafka_resp_err_t code, const char* text) {
  const auto error_code = [code] {
    switch (code) {
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return ErrorCode::UnknownTopic;
      case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
        return ErrorCode::UndefinedObject;
      case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return ErrorCode::TopicExists;
      case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return ErrorCode::NotSupported;
      case RD_KAFKA_RESP_ERR__TRANSPORT:
      case RD_KAFKA_RESP_ERR__TIMED_OUT:
      case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        return ErrorCode::NetworkFailure;
      default:
        return ErrorCode::InvalidParameter;
    }
  }();
  return Error{error_code, text && *text ? text : rd_kafka_err2str(code)};
}

Error no_such_topic(const std::string& name, const std::vector<TopicDescription>& topics) {
  std::vector<std::string> names;
  for (const TopicDescription& topic : topics) names.push_back(topic.name);
  return Error{ErrorCode::UnknownTopic,
               fmt::format("topic \"{}\" does not exist", name),
               {},
               did_you_mean(name, names, "millrace topic list shows all topics.", "\"", "\"")};
}

}  // namespace client
