#include "server/cluster/node_wire.h"

#include <gtest/gtest.h>

using namespace server;
using storage::NodeEpoch;
using storage::TopicPartition;

namespace {

TopicPartition partition() {
  TopicPartition id;
  id.topic.bytes = {1, 2, 3};
  id.partition = PartitionId{7};
  return id;
}

// The frame without its size.
std::string_view body(const std::string& frame) { return std::string_view(frame).substr(4); }

template <class Message>
Message round_trip(const Message& message) {
  const std::string frame = encode(ClusterMessage(message));
  const auto decoded = decode_message(body(frame));
  EXPECT_TRUE(decoded && *decoded);
  return std::get<Message>(**decoded);
}

}  // namespace

TEST(NodeWire, a_fetch_comes_as_it_went) {
  storage::ReplicaFetch fetch;
  fetch.partition = partition();
  fetch.follower = NodeId{2};
  fetch.follower_epoch = NodeEpoch{77};
  fetch.leader_epoch = LeaderEpoch{5};
  fetch.number = 1'234'567'890'123;
  fetch.from = Offset{99};
  fetch.high_watermark = Offset{90};
  for (const auto& last : {std::optional<LeaderEpoch>(), std::optional(LeaderEpoch{0})}) {
    fetch.last_epoch = last;
    const auto came = round_trip(fetch);
    EXPECT_EQ(came.partition, fetch.partition);
    EXPECT_EQ(came.follower, fetch.follower);
    EXPECT_EQ(came.follower_epoch, fetch.follower_epoch);
    EXPECT_EQ(came.leader_epoch, fetch.leader_epoch);
    EXPECT_EQ(came.number, fetch.number);
    EXPECT_EQ(came.from, fetch.from);
    EXPECT_EQ(came.last_epoch, last);
    EXPECT_EQ(came.high_watermark, fetch.high_watermark);
    EXPECT_FALSE(came.refuses_appends);
  }
  fetch.refuses_appends = true;
  EXPECT_TRUE(round_trip(fetch).refuses_appends);
}

TEST(NodeWire, pieces_are_the_same_bytes_and_kept_bytes_are_not_copied) {
  for (const size_t size : {0, 1, 16'000, 20'000, 3'000'000}) {
    storage::ReplicaFetched fetched;
    fetched.partition = partition();
    fetched.batches = std::string(size, 'b');
    fetched.high_watermark = Offset{8};
    fetched.log_start = Offset{2};
    const FramePieces pieces = encode_in_pieces(fetched);
    const auto whole = std::make_shared<const std::string>(
        pieces.head + std::string(pieces.large.view()) + pieces.tail);
    EXPECT_TRUE(*whole == encode(ClusterMessage(fetched))) << size;
    const auto came = decode_message(body(*whole), whole);
    ASSERT_TRUE(came && *came) << size;
    const auto& batches = std::get<storage::ReplicaFetched>(**came).batches;
    EXPECT_TRUE(batches.view() == fetched.batches.view()) << size;
    if (size == 0) continue;
    EXPECT_GE(batches.view().data(), whole->data());
    EXPECT_LT(batches.view().data(), whole->data() + whole->size());
  }
}

TEST(NodeWire, an_answer_to_a_fetch_is_one_of_four) {
  storage::ReplicaFetched fetched;
  fetched.partition = partition();
  fetched.number = 3;
  fetched.leader_epoch = LeaderEpoch{5};
  fetched.batches = "batches";
  fetched.high_watermark = Offset{8};
  fetched.log_start = Offset{2};
  const auto with_batches = round_trip(fetched);
  EXPECT_FALSE(with_batches.error);
  EXPECT_FALSE(with_batches.diverging);
  EXPECT_FALSE(with_batches.producers);
  EXPECT_EQ(with_batches.batches.view(), "batches");
  EXPECT_EQ(with_batches.high_watermark, Offset{8});
  EXPECT_EQ(with_batches.log_start, Offset{2});
  fetched.batches = {};
  fetched.producers = "";  // an empty list, with which the follower replaces its own
  EXPECT_EQ(round_trip(fetched).producers, "");
  fetched.producers.reset();
  // EpochEnd{} means that all epochs of the leader's log are newer than the follower's last epoch.
  fetched.diverging = storage::EpochEnd{};
  EXPECT_EQ(round_trip(fetched).diverging, fetched.diverging);
  fetched.diverging = {LeaderEpoch{4}, Offset{6}};
  EXPECT_EQ(round_trip(fetched).diverging, fetched.diverging);
  fetched.diverging.reset();
  fetched.error = Error{ErrorCode::FencedLeaderEpoch, "it is over"};
  const auto with_error = round_trip(fetched);
  ASSERT_TRUE(with_error.error);
  EXPECT_EQ(with_error.error->code, ErrorCode::FencedLeaderEpoch);
  EXPECT_EQ(with_error.error->message, "it is over");
}

TEST(NodeWire, messages_for_the_controller_are_read_as_written) {
  storage::IsrProposal proposal{partition(), NodeId{1}, NodeEpoch{4}, LeaderEpoch{5}, 6, {}};
  proposal.isr = {{NodeId{1}, NodeEpoch{4}}, {NodeId{3}, NodeEpoch{9}}};
  EXPECT_EQ(round_trip(proposal), proposal);
  const auto fenced = round_trip(NodeFenced{NodeEpoch{5}, Revision{6}});
  EXPECT_EQ(fenced.epoch, NodeEpoch{5});
  EXPECT_EQ(fenced.revision, Revision{6});
  const NodesProgress progress{
      9, Revision{7}, {{NodeId{1}, Revision{7}, 3, 4, 5, storage::FeatureLevel{6}}, {NodeId{2}}}};
  EXPECT_EQ(round_trip(progress), progress);
  const auto heartbeat = round_trip(Heartbeat{NodeId{2}, NodeEpoch{3}, Revision{4}, true, 5, true,
                                              true, storage::FeatureLevel{7}});
  EXPECT_EQ(heartbeat.node, NodeId{2});
  EXPECT_EQ(heartbeat.epoch, NodeEpoch{3});
  EXPECT_EQ(heartbeat.applied, Revision{4});
  EXPECT_TRUE(heartbeat.is_leaving);
  EXPECT_EQ(heartbeat.differing, 5);
  EXPECT_TRUE(heartbeat.disk_is_full);
  EXPECT_TRUE(heartbeat.is_out_of_touch);
  EXPECT_EQ(heartbeat.knows, storage::FeatureLevel{7});
  const auto plain = round_trip(Heartbeat{NodeId{2}, NodeEpoch{3}, Revision{4}});
  EXPECT_FALSE(plain.disk_is_full);
  EXPECT_FALSE(plain.is_out_of_touch);
  EXPECT_EQ(plain.knows, storage::kFirstLevel);
}

TEST(NodeWire, outputs_of_tasks_and_their_answers_come_as_they_went) {
  const DeliverOutput deliver{partition(), 17, {partition(), "batch"}};
  const auto came = round_trip(deliver);
  EXPECT_EQ(came.journal, deliver.journal);
  EXPECT_EQ(came.number, 17U);
  EXPECT_EQ(came.output, deliver.output);
  const auto delivered = round_trip(
      OutputDelivered{partition(), 17, Error{ErrorCode::NotLeader, "another node leads it"}});
  ASSERT_TRUE(delivered.error);
  EXPECT_EQ(delivered.error->code, ErrorCode::NotLeader);
  EXPECT_FALSE(round_trip(OutputDelivered{partition(), 18}).error);
}

TEST(NodeWire, messages_about_transactions_are_read_as_written) {
  WriteMarker write{NodeEpoch{3}, 17, partition(), LeaderEpoch{5}, {}};
  write.ended = {{ProducerId{9}, 2}, {records::TransactionEnd::Commit, 11}};
  const auto came = round_trip(write);
  EXPECT_EQ(came.sender_epoch, NodeEpoch{3});
  EXPECT_EQ(came.number, 17U);
  EXPECT_EQ(came.partition, partition());
  EXPECT_EQ(came.leader_epoch, LeaderEpoch{5});
  EXPECT_EQ(came.ended.producer, write.ended.producer);
  EXPECT_EQ(came.ended.marker.end, records::TransactionEnd::Commit);
  EXPECT_EQ(came.ended.marker.coordinator_epoch, 11);
  EXPECT_FALSE(round_trip(MarkerWritten{18}).error);
  EXPECT_EQ(round_trip(MarkerWritten{18, Error{ErrorCode::FencedTask, "newer"}}).error->code,
            ErrorCode::FencedTask);
  JoinTransaction join{19, {.transactional_id = "t", .producer = {ProducerId{9}, 2}}};
  join.request.partitions = {{"a", {0, 2}}, {"b", {1}}};
  join.request.verify_only = true;
  const auto asked = round_trip(join);
  EXPECT_EQ(asked.request.transactional_id, "t");
  EXPECT_EQ(asked.request.producer, join.request.producer);
  EXPECT_EQ(asked.request.partitions, join.request.partitions);
  EXPECT_TRUE(asked.request.verify_only);
  EXPECT_FALSE(asked.request.is_of_second_version);
  const auto answered =
      round_trip(TransactionJoined{19, {server::coordinator::kInvalidTxnState, {{"a", {2}}}, 6}});
  EXPECT_EQ(answered.answer.error, server::coordinator::kInvalidTxnState);
  EXPECT_EQ(answered.answer.missing, (server::coordinator::PartitionsByTopic{{"a", {2}}}));
  EXPECT_EQ(answered.answer.coordinator_epoch, 6);
}

TEST(NodeWire, commits_of_nodes_are_read_as_written) {
  const auto begun = round_trip(BeginCommit{20, {.transactional_id = "t", .timeout_ms = 7}});
  EXPECT_EQ(begun.number, 20U);
  EXPECT_EQ(begun.request.transactional_id, "t");
  EXPECT_EQ(begun.request.timeout_ms, 7);
  EXPECT_FALSE(begun.request.expected);
  for (const bool is_commit : {false, true}) {
    const auto end = round_trip(EndCommit{21,
                                          {.transactional_id = "t",
                                           .producer = {ProducerId{9}, 2},
                                           .is_commit = is_commit,
                                           .is_of_second_version = true,
                                           .waits_until_told = !is_commit}});
    EXPECT_EQ(end.number, 21U);
    EXPECT_EQ(end.request.producer, (server::coordinator::ProducerIdentity{ProducerId{9}, 2}));
    EXPECT_EQ(end.request.is_commit, is_commit);
    EXPECT_TRUE(end.request.is_of_second_version);
    EXPECT_EQ(end.request.waits_until_told, !is_commit);
  }
  const auto answered = round_trip(
      CommitAnswered{22, {server::coordinator::kNotCoordinator, {ProducerId{9}, 3}, true}});
  EXPECT_EQ(answered.number, 22U);
  EXPECT_EQ(answered.answer.error, server::coordinator::kNotCoordinator);
  EXPECT_EQ(answered.answer.producer, (server::coordinator::ProducerIdentity{ProducerId{9}, 3}));
  EXPECT_TRUE(answered.answer.is_told);
}

TEST(NodeWire, a_greeting_and_its_answers) {
  const NodeHello hello{"blue", NodeId{1}, NodeId{2}};
  const auto came = decode_hello(body(encode(hello)));
  ASSERT_TRUE(came);
  EXPECT_EQ(*came, hello);
  for (const HelloAnswer& answer : {HelloAnswer{}, HelloAnswer{"no"}, HelloAnswer{{}, Uuid{{1, 2}}},
                                    HelloAnswer{"not yet", Uuid{{3}}, true}})
    EXPECT_EQ(decode_hello_answer(body(encode_hello_answer(answer))).value(), answer);
  // The bytes are an ApiVersions request of a Kafka client that uses the wrong port.
  const auto client = decode_hello(std::string("\0\x12\0\0\0\0\0\1\0\1x", 11));
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("not for clients"), std::string::npos);
}

TEST(NodeWire, truncated_messages_are_refused_and_unknown_ones_ignored) {
  const std::string frame = encode(ClusterMessage(Heartbeat{NodeId{2}, {}, {}}));
  for (size_t size = 0; size + 1 < body(frame).size(); ++size)
    EXPECT_FALSE(decode_message(body(frame).substr(0, size))) << size;
  std::string newer = frame;
  newer[4] = 0x70;  // an unknown api key
  const auto unknown = decode_message(body(newer));
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(*unknown);
}

TEST(NodeWire, rows_come_as_they_went) {
  const auto append = round_trip(AppendRows{7, partition(), "batches"});
  EXPECT_EQ(append.number, 7U);
  EXPECT_EQ(append.partition, partition());
  EXPECT_EQ(append.batches, "batches");
  EXPECT_FALSE(append.unchanged);
  AppendRows change{8, partition(), "batches", storage::Unchanged{Offset{0}}};
  EXPECT_EQ(round_trip(change).unchanged->since, Offset{0});
  EXPECT_FALSE(round_trip(change).unchanged->own_from);
  change.unchanged->own_from = Offset{6};
  EXPECT_EQ(round_trip(change).unchanged->own_from, Offset{6});
  const auto appended = round_trip(
      RowsAppended{7, Error{ErrorCode::NotEnoughReplicas, "two"}, true, {Offset{8}, Offset{9}}});
  EXPECT_EQ(appended.error->code, ErrorCode::NotEnoughReplicas);
  EXPECT_TRUE(appended.may_be_there);
  EXPECT_EQ(appended.last_offsets, (std::vector<Offset>{Offset{8}, Offset{9}}));
}

TEST(NodeWire, ends_come_as_they_went) {
  const auto ask = round_trip(AskEnds{8, {partition(), {}}});
  EXPECT_EQ(ask.partitions, (std::vector<TopicPartition>{partition(), {}}));
  const auto told = round_trip(EndsReported{8, {}, {Offset{1}, Offset{2}}});
  EXPECT_FALSE(told.error);
  EXPECT_EQ(told.ends, (std::vector<Offset>{Offset{1}, Offset{2}}));
  const auto confirm = round_trip(ConfirmLeader{9, {{partition(), LeaderEpoch{3}}}});
  ASSERT_EQ(confirm.led.size(), 1U);
  EXPECT_EQ(confirm.led[0].partition, partition());
  EXPECT_EQ(confirm.led[0].epoch, LeaderEpoch{3});
  EXPECT_EQ(round_trip(AskApplied{3, Revision{1LL << 40}}).revision, Revision{1LL << 40});
  EXPECT_EQ(round_trip(AppliedReported{3}).number, 3U);
  EXPECT_EQ(round_trip(AskGroups{4}).number, 4U);
  EXPECT_EQ(round_trip(AskLogs{4, {partition(), {}}}).partitions,
            (std::vector<TopicPartition>{partition(), {}}));
  const LogsReported::Log log{LeaderEpoch{3}, Offset{9}, Offset{8}};
  EXPECT_EQ(round_trip(LogsReported{4, {log, {}}}).logs, (std::vector{log, LogsReported::Log()}));
  EXPECT_EQ(round_trip(LeaderConfirmed{9, Error{ErrorCode::NotLeader, "no"}}).error->message, "no");
}

TEST(NodeWire, groups_come_as_they_went) {
  const coordinator::GroupProgress group{
      "g", "Stable", "consumer", "range", 2, {{"t", 1, 5, "m", 9}, {"t", 2, {}, "", {}}}};
  const auto told = round_trip(GroupsReported{4, true, {group, {}}});
  EXPECT_EQ(told.number, 4U);
  EXPECT_TRUE(told.is_whole);
  ASSERT_EQ(told.groups.size(), 2U);
  EXPECT_EQ(told.groups[0].group_id, "g");
  EXPECT_EQ(told.groups[0].state, "Stable");
  EXPECT_EQ(told.groups[0].protocol_type, "consumer");
  EXPECT_EQ(told.groups[0].protocol, "range");
  EXPECT_EQ(told.groups[0].members, 2U);
  ASSERT_EQ(told.groups[0].partitions.size(), 2U);
  EXPECT_EQ(told.groups[0].partitions[0].topic, "t");
  EXPECT_EQ(told.groups[0].partitions[0].partition, 1);
  EXPECT_EQ(told.groups[0].partitions[0].committed, 5);
  EXPECT_EQ(told.groups[0].partitions[0].member, "m");
  EXPECT_EQ(told.groups[0].partitions[0].end, 9);
  EXPECT_FALSE(told.groups[0].partitions[1].committed);
  EXPECT_FALSE(told.groups[0].partitions[1].end);
}

TEST(NodeWire, relayed_requests_come_as_they_went) {
  const auto request = round_trip(RelayedRequest{5, std::string("a\0b", 3)});
  EXPECT_EQ(request.number, 5U);
  EXPECT_EQ(request.frame, std::string("a\0b", 3));
  EXPECT_EQ(round_trip(RelayedAnswer{5, "stopped", {}}).error, "stopped");
  EXPECT_EQ(round_trip(RelayedAnswer{5, {}, "bytes"}).answer, "bytes");
}

TEST(NodeWire, wanted_locks_come_as_they_went) {
  LocksWanted wanted{NodeEpoch{7}, 11, 13, 1'234'567};
  wanted.added.push_back({.id = 5, .owner = ~uint64_t{0}, .name = "advisory:1", .waits = true});
  wanted.added.push_back({.id = 6, .name = "rows:t", .is_shared = true, .is_held = true});
  wanted.removed = {1, 2};
  wanted.pending = {5};
  const LocksWanted came = round_trip(wanted);
  EXPECT_EQ(came.process, wanted.process);
  EXPECT_EQ(came.base, 11U);
  EXPECT_EQ(came.version, 13U);
  EXPECT_EQ(came.sent_us, 1'234'567);
  ASSERT_EQ(came.added.size(), 2U);
  EXPECT_EQ(came.added[0].owner, ~uint64_t{0});
  EXPECT_EQ(came.added[0].name, "advisory:1");
  EXPECT_TRUE(came.added[0].waits && !came.added[0].is_shared && !came.added[0].is_held);
  EXPECT_TRUE(came.added[1].is_shared && came.added[1].is_held && !came.added[1].waits);
  EXPECT_EQ(came.removed, wanted.removed);
  EXPECT_EQ(came.pending, wanted.pending);
}

TEST(NodeWire, granted_locks_come_as_they_went) {
  const LocksGranted granted{3, 14, 99, true, {1}, {2, 3}, {4}};
  const LocksGranted came = round_trip(granted);
  EXPECT_EQ(came.controller_epoch, 3);
  EXPECT_EQ(came.version, 14U);
  EXPECT_EQ(came.sent_us, 99);
  EXPECT_TRUE(came.needs_all);
  EXPECT_EQ(came.granted, granted.granted);
  EXPECT_EQ(came.refused, granted.refused);
  EXPECT_EQ(came.deadlocked, granted.deadlocked);
}

TEST(NodeWire, notifications_come_as_they_went) {
  const NotifySessions notify{NodeEpoch{3}, NodeEpoch{4}, 5, true, {{6, "news", "a"}, {7, "", ""}}};
  const NotifySessions came = round_trip(notify);
  EXPECT_EQ(came.sender, notify.sender);
  EXPECT_EQ(came.receiver, notify.receiver);
  EXPECT_EQ(came.number, 5U);
  EXPECT_TRUE(came.any_lost);
  EXPECT_EQ(came.notes, notify.notes);
  const SessionsNotified heard = round_trip(SessionsNotified{NodeEpoch{3}, 5});
  EXPECT_EQ(heard.sender, notify.sender);
  EXPECT_EQ(heard.number, 5U);
}
