// Serves POST /v3/clusters/CLUSTER/topics/TOPIC/records:delete, which deletes the records at the beginning of
// partitions, or only reports which records it would delete (docs/adr/0159).
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "engine/json/json_writer.h"
#include "server/http/console/audit.h"
#include "server/http/proxy/proxy_call.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/kafka/configs.h"
#include "server/kafka/messages/delete_records_request.h"
#include "server/kafka/messages/delete_records_response.h"
#include "server/kafka/messages/describe_configs_request.h"
#include "server/kafka/messages/describe_configs_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/wire_errors.h"

namespace server::http {

namespace {

using engine::JsonTree;
using Call = std::shared_ptr<ProxyCall>;

constexpr int16_t kMetadata = 9, kDescribeConfigs = 4, kListOffsets = 5, kDeleteRecords = 1;
constexpr int32_t kDeletionTimeoutMs = 30'000;
constexpr int64_t kEnd = -1;  // as in Kafka's request: all records
// https://kafka.apache.org/protocol#protocol_error_codes
constexpr KafkaError kLeaderNotAvailable{5};

constexpr std::string_view kDeletionNames[] = {"partitions", "validate_only"};
constexpr std::string_view kCutNames[] = {"partition_id", "before_offset"};

// The change of one partition. Offsets that are not known yet are -1.
struct Cut {
  int64_t before = kEnd;  // the first offset that stays; kEnd: the end of the partition
  int32_t leader = -1;
  int64_t first = -1, end = -1;  // first offset and end of the partition before the change
  bool removes() const { return before > first; }
};

// One call of the page. Its steps: find the leaders, check the settings of the topic, ask the leaders for the offsets,
// check the cuts, and ask the leaders to delete. Nothing is deleted unless all cuts are valid.
struct Deletion : std::enable_shared_from_this<Deletion> {
  explicit Deletion(Call asked) : call(std::move(asked)) {}

  bool read_body();
  void find_leaders();
  void check_policy();
  void find_offsets();
  void remove();

  const Call call;
  std::map<int32_t, Cut> cuts;  // by partition
  bool validates_only = false;

 private:
  template <class Asked, class Told>
  void ask_leader(int32_t node, const Asked& asked, int16_t version,
                  std::function<void(const Result<Told>&)> then) {
    if (call->is_over()) return;
    call->client().ask_node<Asked, Told>(
        node, asked, version,
        [self = shared_from_this(), then = std::move(then)](const Result<Told>& told) {
          if (!self->call->is_over()) then(told);
        });
  }
  std::map<int32_t, std::vector<int32_t>> by_leader(bool only_removing) const;
  void ask_offsets(int32_t node, const std::vector<int32_t>& partitions, int64_t timestamp,
                   int64_t Cut::*to);
  void check_cuts();
  void fail(int32_t partition, ProxyProblem problem);
  void take(const Result<kafka::DeleteRecordsResponse>& told,
            const std::vector<int32_t>& partitions);
  void finish();
  void audit() const;
  void answer() const;

  size_t left_ = 0;       // requests without an answer
  ProxyProblem problem_;  // of the first partition that has failed; code 0: none
  int32_t failed_partition_ = -1;
  size_t changed_ = 0;  // partitions whose records are deleted
};

// Reads the body; if it is not valid, refuses the call and returns false.
bool Deletion::read_body() {
  const auto tree = body_of(call);
  if (!tree) {
    call->refuse(400, "the body of the request cannot be read: " + tree.error().message);
    return false;
  }
  if (!has_only(call, *tree, kDeletionNames)) return false;
  const JsonTree* only = tree->find("validate_only");
  validates_only = only && only->kind == engine::JsonKind::Boolean && only->boolean;
  const JsonTree* partitions = tree->find("partitions");
  if (!partitions || partitions->items.empty()) {
    call->refuse(422, "the body of the request has no list of partitions in \"partitions\"");
    return false;
  }
  for (const JsonTree& item : partitions->items) {
    if (!has_only(call, item, kCutNames)) return false;
    const JsonTree *partition = item.find("partition_id"), *before = item.find("before_offset");
    int32_t number = -1;
    Cut cut;
    if (!partition || !before || !absl::SimpleAtoi(partition->text, &number) || number < 0 ||
        !absl::SimpleAtoi(before->text, &cut.before) || cut.before < kEnd) {
      call->refuse(422,
                   "each element of \"partitions\" must have partition_id and before_offset, an "
                   "offset or -1 for all records");
      return false;
    }
    if (!cuts.emplace(number, cut).second) {
      call->refuse(422, fmt::format("partition {} is named twice", number));
      return false;
    }
  }
  return true;
}

void Deletion::find_leaders() {
  kafka::MetadataRequest request;
  request.topics.emplace().push_back({.name = call->parameter(1)});
  request.allow_auto_topic_creation = false;
  call->ask<kafka::MetadataRequest, kafka::MetadataResponse>(
      request, kMetadata, [self = shared_from_this()](const kafka::MetadataResponse& told) {
        const Call& asked = self->call;
        if (told.topics.empty() || told.topics[0].error_code != KafkaError::None)
          return asked->answer(proxy_error(KafkaError::UnknownTopicOrPartition));
        for (const auto& partition : told.topics[0].partitions)
          if (const auto at = self->cuts.find(partition.partition_index); at != self->cuts.end())
            at->second.leader = partition.leader_id;
        const auto count = static_cast<int32_t>(told.topics[0].partitions.size());
        for (const auto& [number, cut] : self->cuts) {
          if (number >= count)
            return asked->answer(proxy_error(
                KafkaError::UnknownTopicOrPartition,
                fmt::format("Topic {} has {} partition{}, so it has no partition {}.",
                            asked->parameter(1), count, count == 1 ? "" : "s", number)));
          if (cut.leader < 0)
            return asked->answer(
                proxy_error(kLeaderNotAvailable,
                            fmt::format("Partition {} has no leader at the moment.", number)));
        }
        self->check_policy();
      });
}

// The leaders would refuse the request for a topic that is only compacted (KIP-107). The check is made here, too, so
// that a call with validate_only is refused for the same reason.
void Deletion::check_policy() {
  kafka::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kafka::kTopicResource;
  resource.resource_name = call->parameter(1);
  call->ask<kafka::DescribeConfigsRequest, kafka::DescribeConfigsResponse>(
      request, kDescribeConfigs,
      [self = shared_from_this()](const kafka::DescribeConfigsResponse& told) {
        for (const auto& config : told.results.at(0).configs)
          if (config.name == "cleanup.policy" &&
              config.value.value_or("").find("delete") == std::string::npos)
            return self->call->answer(proxy_error(
                kafka::kPolicyViolation,
                fmt::format("Topic {} is only compacted: it keeps the newest record of each key, "
                            "so its records cannot be deleted by offset.",
                            self->call->parameter(1))));
        self->find_offsets();
      });
}

// Returns the partitions of each leader; with `only_removing`, those that lose records.
std::map<int32_t, std::vector<int32_t>> Deletion::by_leader(bool only_removing) const {
  std::map<int32_t, std::vector<int32_t>> partitions;
  for (const auto& [number, cut] : cuts)
    if (!only_removing || cut.removes()) partitions[cut.leader].push_back(number);
  return partitions;
}

void Deletion::find_offsets() {
  // Kafka's request has one time for each partition, so the first offset and the end need a request each.
  const auto leaders = by_leader(false);
  left_ = 2 * leaders.size();
  for (const auto& [node, partitions] : leaders) {
    ask_offsets(node, partitions, -2, &Cut::first);
    ask_offsets(node, partitions, -1, &Cut::end);
  }
}

void Deletion::ask_offsets(int32_t node, const std::vector<int32_t>& partitions, int64_t timestamp,
                           int64_t Cut::*to) {
  kafka::ListOffsetsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = call->parameter(1);
  for (const int32_t number : partitions)
    topic.partitions.push_back({.partition_index = number, .timestamp = timestamp});
  ask_leader<kafka::ListOffsetsRequest, kafka::ListOffsetsResponse>(
      node, request, kListOffsets,
      [this, node, to](const Result<kafka::ListOffsetsResponse>& told) {
        if (!told)
          return call->refuse(
              50003, fmt::format("Node {} does not answer: {}", node, told.error().message));
        for (const auto& each : told->topics.at(0).partitions) {
          if (each.error_code != KafkaError::None)
            return call->answer(proxy_error(each.error_code));
          cuts.at(each.partition_index).*to = each.offset;
        }
        if (--left_ == 0) check_cuts();
      });
}

void Deletion::check_cuts() {
  for (auto& [number, cut] : cuts) {
    if (cut.before == kEnd) cut.before = cut.end;
    if (cut.before > cut.end)
      return call->refuse(422, fmt::format("Partition {} ends at offset {}, before offset {}.",
                                           number, cut.end, cut.before));
  }
  if (validates_only) return answer();
  remove();
}

void Deletion::remove() {
  const auto leaders = by_leader(true);
  left_ = leaders.size();
  if (left_ == 0) return answer();
  for (const auto& [node, partitions] : leaders) {
    kafka::DeleteRecordsRequest request;
    request.timeout_ms = kDeletionTimeoutMs;
    auto& topic = request.topics.emplace_back();
    topic.name = call->parameter(1);
    for (const int32_t number : partitions)
      topic.partitions.push_back({number, cuts.at(number).before});
    ask_leader<kafka::DeleteRecordsRequest, kafka::DeleteRecordsResponse>(
        node, request, kDeleteRecords,
        [this, partitions](const Result<kafka::DeleteRecordsResponse>& told) {
          take(told, partitions);
        });
  }
}

void Deletion::fail(int32_t partition, ProxyProblem problem) {
  if (problem_.code != 0) return;
  problem_ = std::move(problem);
  failed_partition_ = partition;
}

void Deletion::take(const Result<kafka::DeleteRecordsResponse>& told,
                    const std::vector<int32_t>& partitions) {
  if (!told) {
    fail(partitions.front(),
         {50003, told.error().message + ". The records may have been deleted."});
  } else {
    for (const auto& each : told->topics.at(0).partitions) {
      if (each.error_code == KafkaError::None)
        ++changed_;
      else
        fail(each.partition_index, problem_of(each.error_code));
    }
  }
  if (--left_ == 0) finish();
}

void Deletion::finish() {
  audit();
  if (problem_.code == 0) return answer();
  std::string message = fmt::format("The records of partition {} of topic {} are not deleted: {}",
                                    failed_partition_, call->parameter(1), problem_.message);
  if (changed_ > 0)
    message += fmt::format(" The records of {} other partition{} are deleted.", changed_,
                           changed_ == 1 ? "" : "s");
  call->answer(proxy_error(problem_.code, message));
}

// Writes which records were deleted. The guard's line about the request has only its path.
void Deletion::audit() const {
  const Request& request = call->request;
  if (request.audited_session.empty()) return;
  std::string text = "records of topic " + call->parameter(1) + " before";
  std::string_view separator = " ";
  for (const auto& [number, cut] : cuts) {
    if (!cut.removes()) continue;
    text += fmt::format("{}partition {} offset {}", separator, number, cut.before);
    separator = ", ";
  }
  write_audit({.event = "deletion",
               .user = request.has_rights_of_user ? request.user : "",
               .session = request.audited_session,
               .channel = call->context.channel,
               .text = text,
               .outcome = problem_.code == 0 ? "ok" : problem_.message,
               .ring = request.audit_ring});
}

void Deletion::answer() const {
  engine::JsonWriter json;
  json.begin_object();
  json.member("cluster_id", call->view.cluster_id);
  json.member("topic_name", call->parameter(1));
  json.member("validate_only", validates_only);
  json.key("partitions");
  json.begin_array();
  for (const auto& [number, cut] : cuts) {
    json.begin_object();
    json.member("partition_id", number);
    json.member("old_first_offset", cut.first);
    json.member("new_first_offset", std::max(cut.first, cut.before));
    json.member("end_offset", cut.end);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  call->answer(proxy_response(json.take()));
}

void delete_records(const Call& call) {
  if (!is_this_cluster(call)) return;
  const auto deletion = std::make_shared<Deletion>(call);
  if (deletion->read_body()) deletion->find_leaders();
}

}  // namespace

void add_delete_records_pages(Routes& routes, const ProxyView& view) {
  routes.add({"POST", "/v3/clusters/{cluster}/topics/{topic}/records:delete",
              proxy_handler(view, delete_records)});
}

}  // namespace server::http
