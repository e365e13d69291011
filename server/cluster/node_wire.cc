#include "server/cluster/node_wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "server/cluster/session_frames.h"
#include "server/kafka/codec.h"
#include "server/kafka/messages/append_rows_request.h"
#include "server/kafka/messages/append_rows_response.h"
#include "server/kafka/messages/ask_applied_request.h"
#include "server/kafka/messages/ask_applied_response.h"
#include "server/kafka/messages/ask_digest_request.h"
#include "server/kafka/messages/ask_digest_response.h"
#include "server/kafka/messages/ask_ends_request.h"
#include "server/kafka/messages/ask_ends_response.h"
#include "server/kafka/messages/ask_groups_request.h"
#include "server/kafka/messages/ask_groups_response.h"
#include "server/kafka/messages/ask_logs_request.h"
#include "server/kafka/messages/ask_logs_response.h"
#include "server/kafka/messages/begin_commit_request.h"
#include "server/kafka/messages/commit_answer.h"
#include "server/kafka/messages/confirm_leader_request.h"
#include "server/kafka/messages/confirm_leader_response.h"
#include "server/kafka/messages/deliver_output_request.h"
#include "server/kafka/messages/deliver_output_response.h"
#include "server/kafka/messages/end_commit_request.h"
#include "server/kafka/messages/join_transaction_request.h"
#include "server/kafka/messages/join_transaction_response.h"
#include "server/kafka/messages/node_fenced_request.h"
#include "server/kafka/messages/node_heartbeat_request.h"
#include "server/kafka/messages/node_hello_request.h"
#include "server/kafka/messages/node_hello_response.h"
#include "server/kafka/messages/nodes_progress_request.h"
#include "server/kafka/messages/propose_isr_request.h"
#include "server/kafka/messages/relay_request.h"
#include "server/kafka/messages/relay_response.h"
#include "server/kafka/messages/replica_fetch_request.h"
#include "server/kafka/messages/replica_fetch_response.h"
#include "server/kafka/messages/write_marker_request.h"
#include "server/kafka/messages/write_marker_response.h"

namespace server {

namespace {

using kafka::AppendRowsRequest;
using kafka::AppendRowsResponse;
using kafka::AskAppliedRequest;
using kafka::AskAppliedResponse;
using kafka::AskDigestRequest;
using kafka::AskDigestResponse;
using kafka::AskEndsRequest;
using kafka::AskEndsResponse;
using kafka::AskGroupsRequest;
using kafka::AskGroupsResponse;
using kafka::AskLogsRequest;
using kafka::AskLogsResponse;
using kafka::BeginCommitRequest;
using kafka::ConfirmLeaderRequest;
using kafka::ConfirmLeaderResponse;
using kafka::DeliverOutputRequest;
using kafka::DeliverOutputResponse;
using kafka::EndCommitRequest;
using kafka::JoinTransactionRequest;
using kafka::JoinTransactionResponse;
using kafka::NodeFencedRequest;
using kafka::NodeHeartbeatRequest;
using kafka::NodeHelloRequest;
using kafka::NodeHelloResponse;
using kafka::NodesProgressRequest;
using kafka::ProposeIsrRequest;
using kafka::ReplicaFetchRequest;
using kafka::ReplicaFetchResponse;
using kafka::WriteMarkerRequest;
using kafka::WriteMarkerResponse;
using server::message_of;  // the functions below would hide those of session_frames.h
using storage::IsrProposal;
using storage::NodeEpoch;
using storage::ReplicaFetch;
using storage::ReplicaFetched;
using storage::TopicPartition;

// The number that stands for an unknown offset.
constexpr int64_t kNothing = -1;

// Encodes the message as a frame. `large_bytes` is the size of its large fields, for which memory is reserved:
// otherwise appending them would reallocate and copy the frame.
template <class Message>
std::string framed(const Message& message, int16_t version = Message::kMaxVersion,
                   size_t large_bytes = 0) {
  constexpr size_t kSmallFields = 256;
  std::string frame;
  if (large_bytes > 0) frame.reserve(large_bytes + kSmallFields);
  kafka::RequestHeader header;
  header.api_version = version;
  kafka::append_request(frame, header, message);
  return frame;
}

// --- Errors are sent by name, since names are the same in all versions

template <class Message>
void put_error(Message& message, const std::optional<Error>& error) {
  if (!error) return;
  message.error_name = name(error->code);
  message.error_message = error->message;
}
template <class Message>
std::optional<Error> error_of(const Message& message) {
  if (!message.error_name) return std::nullopt;
  Error error{ErrorCode::Internal, message.error_message.value_or("")};
  for (size_t i = 0; i < static_cast<size_t>(ErrorCode::kCount); ++i)
    if (name(static_cast<ErrorCode>(i)) == *message.error_name)
      error.code = static_cast<ErrorCode>(i);
  return error;
}

template <class Message>
TopicPartition partition_of(const Message& message) {
  return {message.topic_id, PartitionId{message.partition}};
}
template <class Message>
TopicPartition journal_of(const Message& message) {
  return {message.journal_topic_id, PartitionId{message.journal_partition}};
}

// --- Each message as bytes

std::string frame_of(const ReplicaFetch& fetch) {
  ReplicaFetchRequest to;
  to.topic_id = fetch.partition.topic;
  to.partition = fetch.partition.partition.value();
  to.follower = fetch.follower.value();
  to.follower_epoch = fetch.follower_epoch.value();
  to.leader_epoch = fetch.leader_epoch.value();
  to.number = static_cast<int64_t>(fetch.number);
  to.fetch_offset = fetch.from.value();
  if (fetch.last_epoch) to.last_fetched_epoch = fetch.last_epoch->value();
  to.high_watermark = fetch.high_watermark.value();
  if (fetch.log_start) to.log_start_offset = fetch.log_start->value();
  to.refuses_appends = fetch.refuses_appends;
  return framed(to);
}

// Builds the response without the batches.
ReplicaFetchResponse response_of(const ReplicaFetched& fetched) {
  ReplicaFetchResponse to;
  to.topic_id = fetched.partition.topic;
  to.partition = fetched.partition.partition.value();
  to.number = static_cast<int64_t>(fetched.number);
  to.leader_epoch = fetched.leader_epoch.value();
  put_error(to, fetched.error);
  if (fetched.diverging) {
    auto& diverging = to.diverging_epoch.emplace();
    diverging.epoch = fetched.diverging->epoch.value();
    diverging.end_offset = fetched.diverging->end.value();
  }
  if (fetched.producers) to.producers = *fetched.producers;
  to.high_watermark = fetched.high_watermark.value();
  to.log_start_offset = fetched.log_start.value();
  return to;
}

std::string frame_of(const ReplicaFetched& fetched) {
  ReplicaFetchResponse to = response_of(fetched);
  to.batches = fetched.batches;
  return framed(to, ReplicaFetchResponse::kMaxVersion, fetched.batches.size());
}

FramePieces pieces_of(const ReplicaFetched& fetched) {
  // The bytes after the batches: two offsets and the number of tagged fields. In the frame without batches, the
  // length of the batches takes one byte.
  constexpr size_t kTail = 2 * sizeof(int64_t) + 1;
  FramePieces pieces{framed(response_of(fetched)), fetched.batches};
  pieces.tail = pieces.head.substr(pieces.head.size() - kTail);
  pieces.head.resize(pieces.head.size() - kTail - 1);
  append_varint(pieces.head, fetched.batches.size() + 1);
  const size_t size = pieces.head.size() + pieces.large.size() + pieces.tail.size();
  store_be(pieces.head.data(), static_cast<int32_t>(size - sizeof(int32_t)));
  return pieces;
}

std::string frame_of(const IsrProposal& proposal) {
  ProposeIsrRequest to;
  to.topic_id = proposal.partition.topic;
  to.partition = proposal.partition.partition.value();
  to.leader = proposal.leader.value();
  to.node_epoch = proposal.node_epoch.value();
  to.leader_epoch = proposal.leader_epoch.value();
  to.partition_version = proposal.version;
  for (const IsrProposal::Member& member : proposal.isr)
    to.isr.push_back({member.node.value(), member.epoch.value()});
  return framed(to);
}

std::string frame_of(const NodeFenced& fenced) {
  NodeFencedRequest to;
  to.node_epoch = fenced.epoch.value();
  to.revision = fenced.revision.value();
  return framed(to);
}

std::string frame_of(const Heartbeat& heartbeat) {
  NodeHeartbeatRequest to;
  to.node_id = heartbeat.node.value();
  to.node_epoch = heartbeat.epoch.value();
  to.applied_revision = heartbeat.applied.value();
  to.is_leaving = heartbeat.is_leaving;
  to.differing_replicas = heartbeat.differing;
  to.disk_is_full = heartbeat.disk_is_full;
  to.is_out_of_touch = heartbeat.is_out_of_touch;
  to.feature_level = heartbeat.knows.value();
  return framed(to);
}

std::string frame_of(const NodesProgress& progress) {
  NodesProgressRequest to;
  to.controller_epoch = progress.controller_epoch;
  to.known_revision = progress.known.value();
  for (const NodesProgress::Node& each : progress.nodes)
    to.nodes.push_back({each.node.value(), each.applied.value(), each.heard_ms, each.caught_up_ms,
                        each.differing, each.knows.value()});
  return framed(to);
}

std::string frame_of(const AskDigest& ask) {
  AskDigestRequest to;
  to.number = static_cast<int64_t>(ask.number);
  to.topic_id = ask.partition.topic;
  to.partition = ask.partition.partition.value();
  to.leader_epoch = ask.leader_epoch.value();
  to.from_offset = ask.from.value();
  to.end_offset = ask.end.value();
  return framed(to);
}

std::string frame_of(const DigestReported& report) {
  AskDigestResponse to;
  to.number = static_cast<int64_t>(report.number);
  put_error(to, report.error);
  to.digest = static_cast<int64_t>(report.digest);
  to.comparable_from = report.comparable_from.value();
  if (report.damaged) to.damaged_offset = report.damaged->value();
  return framed(to);
}

std::string frame_of(const DeliverOutput& deliver) {
  DeliverOutputRequest to;
  to.journal_topic_id = deliver.journal.topic;
  to.journal_partition = deliver.journal.partition.value();
  to.number = static_cast<int64_t>(deliver.number);
  to.topic_id = deliver.output.partition.topic;
  to.partition = deliver.output.partition.partition.value();
  to.batch = deliver.output.batch;
  return framed(to);
}

std::string frame_of(const OutputDelivered& delivered) {
  DeliverOutputResponse to;
  to.journal_topic_id = delivered.journal.topic;
  to.journal_partition = delivered.journal.partition.value();
  to.number = static_cast<int64_t>(delivered.number);
  put_error(to, delivered.error);
  return framed(to);
}

std::string frame_of(const WriteMarker& write) {
  WriteMarkerRequest to;
  to.sender_epoch = write.sender_epoch.value();
  to.number = static_cast<int64_t>(write.number);
  to.topic_id = write.partition.topic;
  to.partition = write.partition.partition.value();
  to.leader_epoch = write.leader_epoch.value();
  to.producer_id = write.ended.producer.id.value();
  to.producer_epoch = write.ended.producer.epoch;
  to.is_commit = write.ended.marker.end == records::TransactionEnd::Commit;
  to.coordinator_epoch = write.ended.marker.coordinator_epoch;
  return framed(to);
}

std::string frame_of(const MarkerWritten& written) {
  WriteMarkerResponse to;
  to.number = static_cast<int64_t>(written.number);
  put_error(to, written.error);
  return framed(to);
}

std::string frame_of(const JoinTransaction& join) {
  JoinTransactionRequest to;
  to.number = static_cast<int64_t>(join.number);
  to.transactional_id = join.request.transactional_id;
  to.producer_id = join.request.producer.id.value();
  to.producer_epoch = join.request.producer.epoch;
  to.verify_only = join.request.verify_only;
  to.is_of_second_version = join.request.is_of_second_version;
  for (const auto& [topic, partitions] : join.request.partitions)
    to.topics.push_back({topic, partitions});
  return framed(to);
}

std::string frame_of(const TransactionJoined& joined) {
  JoinTransactionResponse to;
  to.number = static_cast<int64_t>(joined.number);
  to.error_code = joined.answer.error;
  to.coordinator_epoch = joined.answer.coordinator_epoch;
  for (const auto& [topic, partitions] : joined.answer.missing)
    to.missing.push_back({topic, partitions});
  return framed(to);
}

std::string frame_of(const BeginCommit& begin) {
  BeginCommitRequest to;
  to.number = static_cast<int64_t>(begin.number);
  to.transactional_id = begin.request.transactional_id;
  to.timeout_ms = begin.request.timeout_ms;
  return framed(to);
}

std::string frame_of(const EndCommit& end) {
  EndCommitRequest to;
  to.number = static_cast<int64_t>(end.number);
  to.transactional_id = end.request.transactional_id;
  to.producer_id = end.request.producer.id.value();
  to.producer_epoch = end.request.producer.epoch;
  to.is_commit = end.request.is_commit;
  to.waits_until_told = end.request.waits_until_told;
  return framed(to);
}

std::string frame_of(const CommitAnswered& answered) {
  kafka::CommitAnswer to;
  to.number = static_cast<int64_t>(answered.number);
  to.error_code = answered.answer.error;
  to.producer_id = answered.answer.producer.id.value();
  to.producer_epoch = answered.answer.producer.epoch;
  to.is_told = answered.answer.is_told;
  return framed(to);
}

std::string frame_of(const AppendRows& append) {
  AppendRowsRequest to;
  to.number = static_cast<int64_t>(append.number);
  to.topic_id = append.partition.topic;
  to.partition = append.partition.partition.value();
  to.batches = append.batches;
  if (!append.unchanged) return framed(to, 0);
  // Only the newest version of AppendRows has the condition: a node that does not know this version
  // rejects the request instead of ignoring the condition.
  to.unchanged_since = append.unchanged->since.value();
  if (append.unchanged->own_from) to.own_from = append.unchanged->own_from->value();
  return framed(to);
}

std::string frame_of(const RowsAppended& appended) {
  AppendRowsResponse to;
  to.number = static_cast<int64_t>(appended.number);
  put_error(to, appended.error);
  to.may_be_there = appended.may_be_there;
  for (const Offset last : appended.last_offsets) to.last_offsets.push_back(last.value());
  return framed(to);
}

std::string frame_of(const AskEnds& ask) {
  AskEndsRequest to;
  to.number = static_cast<int64_t>(ask.number);
  for (const TopicPartition& partition : ask.partitions)
    to.partitions.push_back({partition.topic, partition.partition.value()});
  return framed(to);
}

std::string frame_of(const EndsReported& report) {
  AskEndsResponse to;
  to.number = static_cast<int64_t>(report.number);
  put_error(to, report.error);
  for (const Offset end : report.ends) to.ends.push_back(end.value());
  return framed(to);
}

std::string frame_of(const ConfirmLeader& confirm) {
  ConfirmLeaderRequest to;
  to.number = static_cast<int64_t>(confirm.number);
  for (const ConfirmLeader::Led& led : confirm.led)
    to.partitions.push_back(
        {led.partition.topic, led.partition.partition.value(), led.epoch.value()});
  return framed(to);
}

std::string frame_of(const LeaderConfirmed& confirmed) {
  ConfirmLeaderResponse to;
  to.number = static_cast<int64_t>(confirmed.number);
  put_error(to, confirmed.error);
  return framed(to);
}

std::string frame_of(const AskApplied& ask) {
  AskAppliedRequest to;
  to.number = static_cast<int64_t>(ask.number);
  to.revision = ask.revision.value();
  return framed(to);
}

std::string frame_of(const AppliedReported& report) {
  AskAppliedResponse to;
  to.number = static_cast<int64_t>(report.number);
  return framed(to);
}

std::string frame_of(const AskGroups& ask) {
  AskGroupsRequest to;
  to.number = static_cast<int64_t>(ask.number);
  return framed(to);
}

std::string frame_of(const GroupsReported& report) {
  AskGroupsResponse to;
  to.number = static_cast<int64_t>(report.number);
  to.is_whole = report.is_whole;
  for (const coordinator::GroupProgress& group : report.groups) {
    auto& put = to.groups.emplace_back();
    put.group_id = group.group_id;
    put.state = group.state;
    put.protocol_type = group.protocol_type;
    put.protocol = group.protocol;
    put.members = static_cast<int64_t>(group.members);
    for (const coordinator::GroupProgress::Partition& each : group.partitions) {
      auto& partition = put.partitions.emplace_back();
      partition.topic = each.topic;
      partition.partition = each.partition;
      partition.committed = each.committed.value_or(kNothing);
      partition.end = each.end.value_or(kNothing);
      partition.member = each.member;
    }
  }
  return framed(to);
}

std::string frame_of(const RelayedRequest& relayed) {
  kafka::RelayRequest to;
  to.number = static_cast<int64_t>(relayed.number);
  to.frame = relayed.frame;
  return framed(to);
}

std::string frame_of(const RelayedAnswer& relayed) {
  kafka::RelayResponse to;
  to.number = static_cast<int64_t>(relayed.number);
  to.error_message = relayed.error;
  to.answer = relayed.answer;
  return framed(to);
}

std::string frame_of(const AskLogs& ask) {
  AskLogsRequest to;
  to.number = static_cast<int64_t>(ask.number);
  for (const TopicPartition& each : ask.partitions)
    to.partitions.push_back({each.topic, each.partition.value()});
  return framed(to);
}

std::string frame_of(const LogsReported& report) {
  AskLogsResponse to;
  to.number = static_cast<int64_t>(report.number);
  for (const LogsReported::Log& each : report.logs)
    to.logs.push_back({each.last_epoch.value(), each.end.value(), each.high_watermark.value()});
  return framed(to);
}

// --- Messages from frames

ClusterMessage message_of(const ReplicaFetchRequest& from) {
  ReplicaFetch fetch;
  fetch.partition = partition_of(from);
  fetch.follower = NodeId{from.follower};
  fetch.follower_epoch = NodeEpoch{from.follower_epoch};
  fetch.leader_epoch = LeaderEpoch{from.leader_epoch};
  fetch.number = static_cast<uint64_t>(from.number);
  fetch.from = Offset{from.fetch_offset};
  if (from.last_fetched_epoch >= 0) fetch.last_epoch = LeaderEpoch{from.last_fetched_epoch};
  fetch.high_watermark = Offset{from.high_watermark};
  if (from.log_start_offset >= 0) fetch.log_start = Offset{from.log_start_offset};
  fetch.refuses_appends = from.refuses_appends;
  return fetch;
}

ClusterMessage message_of(const ReplicaFetchResponse& from,
                          const std::shared_ptr<const void>& keeper) {
  ReplicaFetched fetched;
  fetched.partition = partition_of(from);
  fetched.number = static_cast<uint64_t>(from.number);
  fetched.leader_epoch = LeaderEpoch{from.leader_epoch};
  fetched.error = error_of(from);
  if (from.diverging_epoch)
    fetched.diverging = {LeaderEpoch{from.diverging_epoch->epoch},
                         Offset{from.diverging_epoch->end_offset}};
  if (from.producers) fetched.producers = *from.producers;
  fetched.batches =
      keeper ? SharedBytes(keeper, from.batches) : SharedBytes(std::string(from.batches));
  fetched.high_watermark = Offset{from.high_watermark};
  fetched.log_start = Offset{from.log_start_offset};
  return fetched;
}

ClusterMessage message_of(const ProposeIsrRequest& from) {
  IsrProposal proposal;
  proposal.partition = partition_of(from);
  proposal.leader = NodeId{from.leader};
  proposal.node_epoch = NodeEpoch{from.node_epoch};
  proposal.leader_epoch = LeaderEpoch{from.leader_epoch};
  proposal.version = from.partition_version;
  for (const ProposeIsrRequest::Member& member : from.isr)
    proposal.isr.push_back({NodeId{member.node_id}, NodeEpoch{member.node_epoch}});
  return proposal;
}

ClusterMessage message_of(const NodeFencedRequest& from) {
  return NodeFenced{NodeEpoch{from.node_epoch}, Revision{from.revision}};
}

ClusterMessage message_of(const NodesProgressRequest& from) {
  NodesProgress progress{from.controller_epoch, Revision{from.known_revision}};
  for (const auto& each : from.nodes)
    progress.nodes.push_back({NodeId{each.node_id}, Revision{each.applied_revision}, each.heard_ms,
                              each.caught_up_ms, each.differing_replicas,
                              storage::FeatureLevel{each.feature_level}});
  return progress;
}

ClusterMessage message_of(const AskDigestRequest& from) {
  return AskDigest{static_cast<uint64_t>(from.number), partition_of(from),
                   LeaderEpoch{from.leader_epoch}, Offset{from.from_offset},
                   Offset{from.end_offset}};
}

ClusterMessage message_of(const AskDigestResponse& from) {
  DigestReported report{.number = static_cast<uint64_t>(from.number),
                        .error = error_of(from),
                        .digest = static_cast<uint64_t>(from.digest),
                        .comparable_from = Offset{from.comparable_from}};
  if (from.damaged_offset >= 0) report.damaged = Offset{from.damaged_offset};
  return report;
}

ClusterMessage message_of(const NodeHeartbeatRequest& from) {
  return Heartbeat{NodeId{from.node_id},
                   NodeEpoch{from.node_epoch},
                   Revision{from.applied_revision},
                   from.is_leaving,
                   from.differing_replicas,
                   from.disk_is_full,
                   from.is_out_of_touch,
                   storage::FeatureLevel{from.feature_level}};
}

ClusterMessage message_of(const DeliverOutputRequest& from) {
  return DeliverOutput{journal_of(from),
                       static_cast<uint64_t>(from.number),
                       {partition_of(from), std::string(from.batch)}};
}

ClusterMessage message_of(const DeliverOutputResponse& from) {
  return OutputDelivered{journal_of(from), static_cast<uint64_t>(from.number), error_of(from)};
}

ClusterMessage message_of(const WriteMarkerRequest& from) {
  WriteMarker write;
  write.sender_epoch = NodeEpoch{from.sender_epoch};
  write.number = static_cast<uint64_t>(from.number);
  write.partition = partition_of(from);
  write.leader_epoch = LeaderEpoch{from.leader_epoch};
  write.ended.producer = {ProducerId{from.producer_id}, from.producer_epoch};
  write.ended.marker = {
      from.is_commit ? records::TransactionEnd::Commit : records::TransactionEnd::Abort,
      from.coordinator_epoch};
  return write;
}

ClusterMessage message_of(const WriteMarkerResponse& from) {
  return MarkerWritten{static_cast<uint64_t>(from.number), error_of(from)};
}

// Returns the partitions in order, because coordinators use binary search on them.
template <class Topics>
coordinator::PartitionsByTopic by_topic(const Topics& topics) {
  coordinator::PartitionsByTopic all;
  for (const auto& topic : topics) {
    auto& partitions = all[std::string(topic.name)];
    partitions.assign(topic.partitions.begin(), topic.partitions.end());
    std::ranges::sort(partitions);
  }
  return all;
}

ClusterMessage message_of(const JoinTransactionRequest& from) {
  JoinTransaction join;
  join.number = static_cast<uint64_t>(from.number);
  join.request.transactional_id = from.transactional_id;
  join.request.producer = {ProducerId{from.producer_id}, from.producer_epoch};
  join.request.partitions = by_topic(from.topics);
  join.request.verify_only = from.verify_only;
  join.request.is_of_second_version = from.is_of_second_version;
  return join;
}

ClusterMessage message_of(const JoinTransactionResponse& from) {
  TransactionJoined joined;
  joined.number = static_cast<uint64_t>(from.number);
  joined.answer = {from.error_code, by_topic(from.missing), from.coordinator_epoch};
  return joined;
}

ClusterMessage message_of(const BeginCommitRequest& from) {
  return BeginCommit{
      static_cast<uint64_t>(from.number),
      {.transactional_id = std::string(from.transactional_id), .timeout_ms = from.timeout_ms}};
}

ClusterMessage message_of(const EndCommitRequest& from) {
  return EndCommit{static_cast<uint64_t>(from.number),
                   {.transactional_id = std::string(from.transactional_id),
                    .producer = {ProducerId{from.producer_id}, from.producer_epoch},
                    .is_commit = from.is_commit,
                    .is_of_second_version = true,
                    .waits_until_told = from.waits_until_told}};
}

ClusterMessage message_of(const kafka::CommitAnswer& from) {
  return CommitAnswered{
      static_cast<uint64_t>(from.number),
      {from.error_code, {ProducerId{from.producer_id}, from.producer_epoch}, from.is_told}};
}

ClusterMessage message_of(const AppendRowsRequest& from) {
  AppendRows append{static_cast<uint64_t>(from.number), partition_of(from),
                    std::string(from.batches)};
  if (from.unchanged_since < 0) return append;
  append.unchanged.emplace(storage::Unchanged{Offset{from.unchanged_since}});
  if (from.own_from >= 0) append.unchanged->own_from = Offset{from.own_from};
  return append;
}

ClusterMessage message_of(const AppendRowsResponse& from) {
  RowsAppended appended{static_cast<uint64_t>(from.number), error_of(from), from.may_be_there};
  for (const int64_t last : from.last_offsets) appended.last_offsets.push_back(Offset{last});
  return appended;
}

ClusterMessage message_of(const AskEndsRequest& from) {
  AskEnds ask{.number = static_cast<uint64_t>(from.number)};
  for (const AskEndsRequest::Asked& each : from.partitions)
    ask.partitions.push_back(partition_of(each));
  return ask;
}

ClusterMessage message_of(const AskEndsResponse& from) {
  EndsReported report{.number = static_cast<uint64_t>(from.number), .error = error_of(from)};
  for (const int64_t end : from.ends) report.ends.push_back(Offset{end});
  return report;
}

ClusterMessage message_of(const ConfirmLeaderRequest& from) {
  ConfirmLeader confirm{.number = static_cast<uint64_t>(from.number)};
  for (const ConfirmLeaderRequest::Led& each : from.partitions)
    confirm.led.push_back({partition_of(each), LeaderEpoch{each.leader_epoch}});
  return confirm;
}

ClusterMessage message_of(const ConfirmLeaderResponse& from) {
  return LeaderConfirmed{static_cast<uint64_t>(from.number), error_of(from)};
}

ClusterMessage message_of(const AskAppliedRequest& from) {
  return AskApplied{static_cast<uint64_t>(from.number), Revision{from.revision}};
}

ClusterMessage message_of(const AskAppliedResponse& from) {
  return AppliedReported{static_cast<uint64_t>(from.number)};
}

ClusterMessage message_of(const AskGroupsRequest& from) {
  return AskGroups{static_cast<uint64_t>(from.number)};
}

ClusterMessage message_of(const AskGroupsResponse& from) {
  const auto known = [](int64_t offset) {
    return offset == kNothing ? std::nullopt : std::optional(offset);
  };
  GroupsReported report{static_cast<uint64_t>(from.number), from.is_whole};
  for (const auto& group : from.groups) {
    coordinator::GroupProgress& put = report.groups.emplace_back();
    put.group_id = group.group_id;
    put.state = group.state;
    put.protocol_type = group.protocol_type;
    put.protocol = group.protocol;
    put.members = static_cast<size_t>(group.members);
    for (const auto& each : group.partitions)
      put.partitions.push_back({std::string(each.topic), each.partition, known(each.committed),
                                std::string(each.member), known(each.end)});
  }
  return report;
}

ClusterMessage message_of(const kafka::RelayRequest& from) {
  return RelayedRequest{static_cast<uint64_t>(from.number), std::string(from.frame)};
}

ClusterMessage message_of(const kafka::RelayResponse& from) {
  return RelayedAnswer{static_cast<uint64_t>(from.number), std::string(from.error_message),
                       std::string(from.answer)};
}

ClusterMessage message_of(const AskLogsRequest& from) {
  AskLogs ask{.number = static_cast<uint64_t>(from.number)};
  for (const AskLogsRequest::Asked& each : from.partitions)
    ask.partitions.push_back(partition_of(each));
  return ask;
}

ClusterMessage message_of(const AskLogsResponse& from) {
  LogsReported report{.number = static_cast<uint64_t>(from.number)};
  for (const AskLogsResponse::Log& each : from.logs)
    report.logs.push_back(
        {LeaderEpoch{each.last_epoch}, Offset{each.end}, Offset{each.high_watermark}});
  return report;
}

template <class Message>
Result<std::optional<ClusterMessage>> decode_as(const kafka::RequestFrame& frame,
                                                const std::shared_ptr<const void>& keeper) {
  if (!kafka::has_version<Message>(frame.header.api_version)) return std::nullopt;
  const auto message = TRY(kafka::decode_request<Message>(frame));
  if constexpr (std::is_same_v<Message, ReplicaFetchResponse>)
    return message_of(message, keeper);
  else
    return message_of(message);
}

// Decodes the frame as the message type that has the frame's api key.
template <class... Messages>
Result<std::optional<ClusterMessage>> decode_as_any(const kafka::RequestFrame& frame,
                                                    const std::shared_ptr<const void>& keeper) {
  Result<std::optional<ClusterMessage>> decoded = std::nullopt;
  ((frame.header.api_key == Messages::kApiKey &&
    ((decoded = decode_as<Messages>(frame, keeper)), true)) ||
   ...);
  return decoded;
}

}  // namespace

std::string encode(const ClusterMessage& message) {
  return std::visit([](const auto& each) { return frame_of(each); }, message);
}

FramePieces encode_in_pieces(const ClusterMessage& message) {
  // Below this size, copying is cheaper than a separate write.
  constexpr size_t kLarge = 16 << 10;
  const auto* fetched = std::get_if<ReplicaFetched>(&message);
  if (fetched != nullptr && fetched->batches.size() >= kLarge) return pieces_of(*fetched);
  return {encode(message)};
}

Result<std::optional<ClusterMessage>> decode_message(std::string_view frame,
                                                     const std::shared_ptr<const void>& keeper) {
  return decode_as_any<
      ReplicaFetchRequest, ReplicaFetchResponse, ProposeIsrRequest, NodeHeartbeatRequest,
      NodeFencedRequest, NodesProgressRequest, DeliverOutputRequest, DeliverOutputResponse,
      WriteMarkerRequest, WriteMarkerResponse, JoinTransactionRequest, JoinTransactionResponse,
      BeginCommitRequest, EndCommitRequest, kafka::CommitAnswer, AppendRowsRequest,
      AppendRowsResponse, AskEndsRequest, AskEndsResponse, ConfirmLeaderRequest,
      ConfirmLeaderResponse, AskDigestRequest, AskDigestResponse, AskAppliedRequest,
      AskAppliedResponse, AskGroupsRequest, AskGroupsResponse, AskLogsRequest, AskLogsResponse,
      kafka::LocksWantedRequest, kafka::LocksGrantedResponse, kafka::NotifySessionsRequest,
      kafka::NotifySessionsResponse, kafka::RelayRequest, kafka::RelayResponse>(
      TRY(kafka::parse_request(frame)), keeper);
}

std::string encode(const NodeHello& hello) {
  NodeHelloRequest to;
  to.cluster_id = hello.cluster_id;
  to.from = hello.from.value();
  to.to = hello.to.value();
  to.feature_level = hello.knows.value();
  return framed(to);
}

bool is_hello(std::string_view frame) {
  return frame.size() >= sizeof(int16_t) &&
         load_be<int16_t>(frame.data()) == NodeHelloRequest::kApiKey;
}

Result<NodeHello> decode_hello(std::string_view frame) {
  const kafka::RequestFrame request = TRY(kafka::parse_request(frame));
  if (request.header.api_key != NodeHelloRequest::kApiKey ||
      !kafka::has_version<NodeHelloRequest>(request.header.api_version))
    return Error{ErrorCode::ProtocolViolation,
                 fmt::format("this port is for nodes of the cluster, not for clients (api key {}, "
                             "version {})",
                             request.header.api_key, request.header.api_version)};
  const auto hello = TRY(kafka::decode_request<NodeHelloRequest>(request));
  return NodeHello{hello.cluster_id, NodeId{hello.from}, NodeId{hello.to},
                   storage::FeatureLevel{hello.feature_level}};
}

std::string encode_hello_answer(const HelloAnswer& answer) {
  std::string frame;
  NodeHelloResponse to;
  to.refusal = answer.refusal;
  to.process = answer.process;
  to.is_reading = answer.is_reading;
  kafka::append_response(frame, 0, NodeHelloResponse::kMaxVersion, to);
  return frame;
}

Result<HelloAnswer> decode_hello_answer(std::string_view frame) {
  constexpr size_t kCorrelationId = sizeof(int32_t);
  if (frame.size() < kCorrelationId)
    return Error{ErrorCode::ProtocolViolation, "the answer to a greeting is truncated"};
  const auto from = TRY(kafka::decode_response<NodeHelloResponse>(frame.substr(kCorrelationId),
                                                                  NodeHelloResponse::kMaxVersion));
  return HelloAnswer{from.refusal, from.process, from.is_reading};
}

}  // namespace server
