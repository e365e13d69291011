#include "client/admin/cluster_admin.h"

#include <fmt/format.h>

#include <string_view>

#include "client/connection.h"

namespace client {

namespace {

constexpr int16_t kElectLeaders = 43, kIncrementalAlterConfigs = 44, kAlterReassignments = 45,
                  kListReassignments = 46, kDescribeQuorum = 55, kUpdateFeatures = 57,
                  kUnregisterBroker = 64;
constexpr int32_t kTimeoutMs = 30'000;
constexpr std::string_view kClusterFeature = "millrace.version";

Status failure(int16_t code, const std::string& message) {
  if (code == 0) return {};
  return kafka_failure(static_cast<rd_kafka_resp_err_t>(code),
                       message.empty() ? nullptr : message.c_str());
}

void write(WireWriter& to, const NodeNumbers& nodes) {
  to.count(static_cast<int64_t>(nodes.size()));
  for (const int32_t node : nodes) to.number(node);
}

template <class Entry>
std::map<std::string, std::map<int32_t, Entry>> by_topic(
    const std::map<TopicPartitionKey, Entry>& partitions) {
  std::map<std::string, std::map<int32_t, Entry>> topics;
  for (const auto& [key, entry] : partitions) topics[key.first].emplace(key.second, entry);
  return topics;
}

// Reads the error of each partition from a response, which groups partitions by topic.
ClusterAdmin::Refusals read_refusals(WireReader& in) {
  ClusterAdmin::Refusals refusals;
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    const std::string topic = in.text();
    for (size_t left = in.count(); left > 0 && in.ok(); --left) {
      const auto partition = in.number<int32_t>();
      PartitionRefusal& refusal = refusals[{topic, partition}];
      refusal.code = in.number<int16_t>();
      refusal.message = in.text();
      in.end();
    }
    in.end();
  }
  return refusals;
}

}  // namespace

std::string name_of(const TopicPartitionKey& partition) {
  return fmt::format("{}-{}", partition.first, partition.second);
}

Result<ClusterAdmin> ClusterAdmin::open(const std::string& bootstrap_server,
                                        const Properties& properties) {
  Bootstrap bootstrap(bootstrap_server, properties);
  WireConnection connection = TRY(bootstrap.connect());
  return ClusterAdmin(std::move(bootstrap), std::move(connection));
}

Result<std::string> ClusterAdmin::ask(int16_t api_key, int16_t version, const WireWriter& request) {
  return ask([&](WireConnection& server) { return server.ask(api_key, version, request); });
}

template <class Call>
Result<std::string> ClusterAdmin::ask(const Call& call) {
  auto answer = call(*connection_);
  for (size_t left = bootstrap_.size() - 1;
       left > 0 && !answer && answer.error().code == ErrorCode::NetworkFailure; --left) {
    bootstrap_.pass_on();
    connection_ = std::make_unique<WireConnection>(TRY(bootstrap_.connect()));
    answer = call(*connection_);
  }
  return answer;
}

Result<ClusterListing> ClusterAdmin::describe() {
  return read_metadata(TRY(ask(kMetadataApi, kMetadataVersion, metadata_request())));
}

Result<MetadataLogListing> ClusterAdmin::metadata_log() {
  constexpr int16_t kVersion = 1;
  WireWriter request;
  request.count(1).text("__cluster_metadata").count(1).number<int32_t>(0).end().end().end();
  WireReader in(TRY(ask(kDescribeQuorum, kVersion, request)));
  MetadataLogListing listing;
  TRY(failure(in.number<int16_t>(), {}));
  if (in.count() != 1) return cut_short();
  in.text();
  if (in.count() != 1) return cut_short();
  in.number<int32_t>();
  TRY(failure(in.number<int16_t>(), {}));
  in.number<int32_t>();
  in.number<int32_t>();
  listing.end = in.number<int64_t>();
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    MetadataReaderListing& reader = listing.readers[in.number<int32_t>()];
    reader.read = in.number<int64_t>();
    in.number<int64_t>();
    reader.caught_up_ms = in.number<int64_t>();
    in.end();
  }
  if (!in.ok()) return cut_short();
  return listing;
}

// Asks the server which versions of requests and features it supports. The feature level is in
// tagged fields of the response (KIP-584); each tagged field begins with its size.
Result<FeatureLevelListing> ClusterAdmin::feature_level() {
  constexpr uint64_t kSupported = 0, kFinalized = 2;
  WireReader in(TRY(ask([](WireConnection& server) { return server.ask_versions(); })));
  TRY(failure(in.number<int16_t>(), {}));
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    for (int i = 0; i < 3; ++i) in.number<int16_t>();  // skips the key and the versions of one API
    in.end();
  }
  in.number<int32_t>();  // skips the throttle time
  FeatureLevelListing listing;
  for (size_t left = in.tagged_count(); left > 0 && in.ok(); --left) {
    const auto [tag, size] = in.next_tagged();
    if (tag != kSupported && tag != kFinalized) {
      in.skip(size);
      continue;
    }
    for (size_t features = in.count(); features > 0 && in.ok(); --features) {
      const std::string name = in.text();
      const auto first = in.number<int16_t>(), second = in.number<int16_t>();
      in.end();
      if (name != kClusterFeature) continue;
      if (tag == kSupported) listing.newest = second;
      // In the tagged field kFinalized, the maximum comes before the minimum.
      if (tag == kFinalized) listing.now = first;
    }
  }
  if (!in.ok()) return cut_short();
  return listing;
}

Status ClusterAdmin::raise_feature_level(int16_t level) {
  constexpr int16_t kVersion = 1;
  constexpr int8_t kUpgrade = 1, kCarryOut = 0;
  WireWriter request;
  request.number(kTimeoutMs).count(1).text(kClusterFeature).number(level).number(kUpgrade).end();
  request.number(kCarryOut).end();
  WireReader in(TRY(ask(kUpdateFeatures, kVersion, request)));
  in.number<int32_t>();  // skips the throttle time
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  if (!in.ok()) return cut_short();
  return failure(code, message);
}

Result<ClusterAdmin::Refusals> ClusterAdmin::move(const Moves& moves) {
  constexpr int16_t kVersion = 0;
  WireWriter request;
  const auto topics = by_topic(moves);
  request.number(kTimeoutMs).count(static_cast<int64_t>(topics.size()));
  for (const auto& [topic, partitions] : topics) {
    request.text(topic).count(static_cast<int64_t>(partitions.size()));
    for (const auto& [index, replicas] : partitions) {
      request.number(index);
      if (replicas)
        write(request, *replicas);
      else
        request.count(-1);
      request.end();
    }
    request.end();
  }
  request.end();
  WireReader in(TRY(ask(kAlterReassignments, kVersion, request)));
  in.number<int32_t>();
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  TRY(failure(code, message));
  Refusals refusals = read_refusals(in);
  in.end();
  if (!in.is_whole()) return cut_short();
  return refusals;
}

Result<std::map<TopicPartitionKey, MovingReplicas>> ClusterAdmin::moving() {
  constexpr int16_t kVersion = 0;
  WireWriter request;
  request.number(kTimeoutMs).count(-1).end();
  WireReader in(TRY(ask(kListReassignments, kVersion, request)));
  in.number<int32_t>();
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  TRY(failure(code, message));
  std::map<TopicPartitionKey, MovingReplicas> moving;
  for (size_t topics = in.count(); topics > 0 && in.ok(); --topics) {
    const std::string topic = in.text();
    for (size_t left = in.count(); left > 0 && in.ok(); --left) {
      const auto index = in.number<int32_t>();
      MovingReplicas& each = moving[{topic, index}];
      each.replicas = in.int32s();
      each.adding = in.int32s();
      each.removing = in.int32s();
      in.end();
    }
    in.end();
  }
  in.end();
  if (!in.is_whole()) return cut_short();
  return moving;
}

Result<ClusterAdmin::Refusals> ClusterAdmin::elect(
    ElectionType type, const std::optional<std::set<TopicPartitionKey>>& partitions) {
  constexpr int16_t kVersion = 2;
  WireWriter request;
  request.number(static_cast<int8_t>(type));
  if (partitions) {
    std::map<std::string, NodeNumbers> topics;
    for (const auto& [topic, index] : *partitions) topics[topic].push_back(index);
    request.count(static_cast<int64_t>(topics.size()));
    for (const auto& [topic, indexes] : topics) {
      request.text(topic);
      write(request, indexes);
      request.end();
    }
  } else {
    request.count(-1);
  }
  request.number(kTimeoutMs).end();
  WireReader in(TRY(ask(kElectLeaders, kVersion, request)));
  in.number<int32_t>();
  TRY(failure(in.number<int16_t>(), {}));
  Refusals refusals = read_refusals(in);
  in.end();
  if (!in.is_whole()) return cut_short();
  return refusals;
}

Status ClusterAdmin::unregister(int32_t node) {
  constexpr int16_t kVersion = 0;
  WireWriter request;
  request.number(node).end();
  WireReader in(TRY(ask(kUnregisterBroker, kVersion, request)));
  in.number<int32_t>();
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  return failure(code, message);
}

Status ClusterAdmin::configure(Resource type, const std::string& name, const Settings& settings) {
  constexpr int16_t kVersion = 1;
  constexpr int8_t kSet = 0, kDelete = 1;
  WireWriter request;
  request.count(1).number(static_cast<int8_t>(type)).text(name);
  request.count(static_cast<int64_t>(settings.size()));
  for (const auto& [setting, value] : settings) {
    request.text(setting).number(value.empty() ? kDelete : kSet);
    if (value.empty())
      request.null_text();
    else
      request.text(value);
    request.end();
  }
  request.end().number<int8_t>(0).end();
  WireReader in(TRY(ask(kIncrementalAlterConfigs, kVersion, request)));
  in.number<int32_t>();
  if (in.count() != 1) return cut_short();
  const auto code = in.number<int16_t>();
  const std::string message = in.text();
  return failure(code, message);
}

}  // namespace client
