#include "storage/meta/etcd_metadata_log.h"

#include <deque>

#include "storage/meta/etcd_log_cutter.h"
#include "tests/sim/sim_etcd.h"

namespace storage {
namespace {

class QueueClock final : public Clock {
 public:
  explicit QueueClock(const sim::EventQueue& queue) : queue_(queue) {}
  int64_t wall_ms() const override { return queue_.now_us() / 1000; }
  int64_t monotonic_us() const override { return queue_.now_us(); }

 private:
  const sim::EventQueue& queue_;
};

MetadataCommand command_of(std::string text) { return {{{"test", std::move(text)}}}; }

// Several nodes that share one etcd.
class EtcdMetadataLogTest : public testing::Test {
 protected:
  struct Node {
    std::unique_ptr<EtcdClient> client;
    std::unique_ptr<EtcdMetadataLog> log;
    std::vector<std::string> told;
    int loads = 0;  // number of loaded snapshots
    std::unique_ptr<EtcdLogCutter> cutter;
  };
  Node& join() {
    Node& node = nodes_.emplace_back();
    node.client = etcd_.connect(NodeId{static_cast<int32_t>(nodes_.size())},
                                {[] { return true; }, [](auto work) { work(); }});
    node.log = std::make_unique<EtcdMetadataLog>(
        *node.client, "/test/", clock_, chance_.random(),
        EtcdMetadataLog::Reader{
            .tell =
                [&node](const MetadataRecord& record) {
                  EXPECT_EQ(record.revision.value(), static_cast<int64_t>(node.told.size()) + 1);
                  node.told.push_back(record.command.parts.at(0).bytes);
                },
            .load =
                [&node](const MetadataSnapshot& snapshot) {
                  ++node.loads;
                  node.told.clear();
                  for (const MetadataPart& part : snapshot.state.parts)
                    node.told.push_back(part.bytes);
                  EXPECT_EQ(snapshot.revision.value(), static_cast<int64_t>(node.told.size()));
                  return Status();
                }});
    pass(20'000);
    return node;
  }
  // Appends a command after the revision that the node has read. The answer arrives while time
  // passes.
  std::shared_ptr<std::optional<Result<Revision>>> append(
      Node& node, std::string text, std::optional<EtcdMetadataLog::Holding> holding = {}) {
    auto answer = std::make_shared<std::optional<Result<Revision>>>();
    node.log->append(node.log->last_revision(), command_of(std::move(text)), std::move(holding),
                     [answer](Result<Revision> result) {
                       EXPECT_FALSE(answer->has_value()) << "answered twice";
                       *answer = std::move(result);
                     });
    return answer;
  }
  // Appends `count` commands, one after the other.
  void append_all(Node& node, int count) {
    for (int i = 0; i < count; ++i) {
      const size_t before = node.told.size();
      const auto answer = append(node, std::to_string(before));
      while (!answer->has_value() || node.told.size() == before) pass(1'000);
      ASSERT_TRUE(answer->value());
    }
    pass(100'000);
  }
  // Makes the node the only controller from now on.
  EtcdLogCutter& make_controller(Node& node, CutSettings settings = {.commands = 10,
                                                                     .bytes = 1 << 20,
                                                                     .piece_bytes = 32,
                                                                     .removed_at_a_time = 3}) {
    EtcdRevision made{};
    node.client->commit({{}, {}, {EtcdRange::only("/test/controller")}}, [&, this](const auto&) {
      node.client->commit({{}, {{"/test/controller", "1"}}, {}},
                          [&](Result<EtcdOutcome> outcome) { made = outcome.value().revision; });
    });
    pass(50'000);
    EXPECT_NE(made, EtcdRevision{}) << "etcd has not answered";
    node.cutter = std::make_unique<EtcdLogCutter>(
        *node.client, *node.log, EtcdMetadataLog::Holding{"/test/controller", made}, clock_,
        chance_.random(), settings, CutRules());
    pass(20'000);
    return *node.cutter;
  }
  static std::string snapshot_of(const Node& node) {
    MetadataSnapshot snapshot{node.log->last_revision(), {}};
    for (const std::string& text : node.told) snapshot.state.parts.push_back({"test", text});
    return encode_metadata_snapshot(snapshot).value();
  }
  // Writes a snapshot of the metadata that the node has read, and waits until the log is cut.
  void cut(Node& node) {
    ASSERT_TRUE(node.cutter->is_due());
    const Revision revision = node.log->last_revision();
    node.cutter->save(revision, snapshot_of(node));
    pass(2'000'000);
    ASSERT_TRUE(node.log->pointer());
    EXPECT_EQ(node.log->pointer()->revision, revision);
    EXPECT_FALSE(node.cutter->is_due());
  }
  std::vector<std::string> keys_of(const std::string& folder) const {
    std::vector<std::string> keys;
    for (const auto& entry : etcd_.find({"/test/" + folder + "/", "/test/" + folder + "0"}).entries)
      keys.push_back(entry.key);
    return keys;
  }
  void pass(int64_t us) {
    for (const int64_t end = queue_.now_us() + us; queue_.now_us() < end;) {
      for (Node& node : nodes_) {
        node.log->tick();
        if (node.cutter) node.cutter->tick();
      }
      while (queue_.step(queue_.now_us() + 1'000))
        ;
    }
  }

  sim::EventQueue queue_;
  sim::Chance chance_{5};
  QueueClock clock_{queue_};
  sim::SimEtcd etcd_{queue_, chance_};
  std::deque<Node> nodes_;
};

TEST_F(EtcdMetadataLogTest, everybody_reads_the_same_in_the_same_order) {
  Node &one = join(), &two = join();
  const auto first = append(one, "a");
  pass(50'000);
  const auto second = append(two, "b");
  pass(50'000);
  EXPECT_EQ(**first, Revision{1});
  EXPECT_EQ(**second, Revision{2});
  EXPECT_EQ(one.told, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(two.told, one.told);
  EXPECT_EQ(join().told, one.told) << "who comes later";
}

TEST_F(EtcdMetadataLogTest, one_of_two_simultaneous_appends_is_refused_and_must_read_on) {
  Node &one = join(), &two = join();
  const auto first = append(one, "a"), second = append(two, "b");
  pass(50'000);
  EXPECT_NE(first->value().has_value(), second->value().has_value());
  const auto& refused = *first ? **first ? **second : **first : **second;
  EXPECT_EQ(refused.error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(one.told.size(), 1u);
}

// The watch is slow in this test. A controller that waited for the watch after each append could
// decide nothing meanwhile.
TEST_F(EtcdMetadataLogTest, an_append_does_not_wait_for_a_late_watch) {
  Node &one = join(), &two = join();
  const auto known = append(one, "a");
  pass(50'000);
  const auto unknown = append(two, "b");
  etcd_.set_latency_us(4'000'000);  // The event for the append takes at least half of this time.
  pass(3'000);
  etcd_.set_latency_us(500);
  std::shared_ptr<std::optional<Result<Revision>>> refused;
  const int64_t begun_us = queue_.now_us();
  while (one.told.size() < 2 && queue_.now_us() - begun_us < 10'000'000) {
    refused = append(one, "c");
    pass(20'000);
  }
  EXPECT_LT(queue_.now_us() - begun_us, 600'000);
  EXPECT_EQ((*refused)->error().code, ErrorCode::OutOfOrderSequence);
  const auto next = append(one, "c");
  pass(10'000'000);
  EXPECT_EQ(**next, Revision{3});
  EXPECT_EQ(one.told, (std::vector<std::string>{"a", "b", "c"})) << "what comes late is told once";
}

TEST_F(EtcdMetadataLogTest, a_command_with_an_unknown_outcome_exists_once) {
  Node &one = join(), &two = join();
  etcd_.set_loss(0.25);
  for (int i = 0; i < 40; ++i) {
    const auto answer = append(one, std::to_string(i));
    for (int patience = 0; !answer->has_value() && patience < 200; ++patience) pass(50'000);
    ASSERT_TRUE(answer->has_value());
    // Waits until the command has been read.
    for (int patience = 0; one.told.size() <= static_cast<size_t>(i) && patience < 200; ++patience)
      pass(50'000);
    ASSERT_EQ(**answer, Revision{i + 1});
  }
  etcd_.set_loss(0);
  pass(2'000'000);
  ASSERT_EQ(two.told.size(), 40u);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(two.told[static_cast<size_t>(i)], std::to_string(i));
}

// A case found by simulation: one of the two commands was forgotten, and its node never recovered.
TEST_F(EtcdMetadataLogTest, two_commands_that_wait_since_the_same_moment_are_both_answered) {
  Node& one = join();
  etcd_.cut(NodeId{1}, true);
  const auto first = append(one, "a"), second = append(one, "b");
  pass(400'000);
  EXPECT_FALSE(first->has_value());
  etcd_.cut(NodeId{1}, false);
  pass(1'000'000);
  ASSERT_TRUE(first->has_value());
  ASSERT_TRUE(second->has_value());
  EXPECT_NE((*first)->has_value(), (*second)->has_value());
}

TEST_F(EtcdMetadataLogTest, commands_written_while_it_was_cut_off_are_read_afterwards) {
  Node &one = join(), &two = join();
  etcd_.cut(NodeId{2}, true);
  for (const char* text : {"a", "b", "c"}) {
    append(one, text);
    pass(50'000);
  }
  EXPECT_TRUE(two.told.empty());
  etcd_.cut(NodeId{2}, false);
  pass(1'000'000);
  EXPECT_EQ(two.told, one.told);
}

TEST_F(EtcdMetadataLogTest, a_confirmation_that_all_is_read_holds_as_of_the_question) {
  Node &writer = join(), &reader = join();
  append_all(writer, 3);
  std::vector<std::string> heard;
  const auto confirm = [&](std::string name) {
    reader.log->confirm_read([&heard, name](const Status& status) {
      heard.push_back(name + (status                                        ? " yes"
                              : status.error().code == ErrorCode::NotLeader ? " more"
                                                                            : " unknown"));
    });
  };
  confirm("first");
  confirm("second");  // appended while the first one waits
  pass(50'000);
  EXPECT_EQ(heard, (std::vector<std::string>{"first yes", "second yes"}));
  etcd_.cut(NodeId{2}, true);
  confirm("away");
  append_all(writer, 1);
  pass(1'000'000);
  EXPECT_EQ(heard.back(), "away unknown");
  etcd_.cut(NodeId{2}, false);
  confirm("back");
  while (heard.back() == "away unknown") pass(1'000);
  EXPECT_EQ(heard.back(), "back more");
  pass(1'000'000);
  confirm("later");
  pass(50'000);
  EXPECT_EQ(heard.back(), "later yes");
}

TEST_F(EtcdMetadataLogTest, a_node_without_the_key_appends_nothing) {
  Node& one = join();
  const auto put = [&](std::string value) {
    std::optional<EtcdOutcome> outcome;
    one.client->commit({{}, {{"/test/controller", std::move(value)}}, {}},
                       [&](Result<EtcdOutcome> result) { outcome = *result; });
    pass(50'000);
    return outcome->revision;
  };
  const EtcdRevision held = put("1");
  const auto first = append(one, "a", EtcdMetadataLog::Holding{"/test/controller", held});
  pass(50'000);
  EXPECT_EQ(**first, Revision{1});
  one.client->commit({{}, {}, {{"/test/controller", "/test/controller0"}}}, [](const auto&) {});
  pass(50'000);
  put("2");
  const auto second = append(one, "b", EtcdMetadataLog::Holding{"/test/controller", held});
  pass(1'000'000);
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(one.told, std::vector<std::string>{"a"});
}

// --- Snapshots

TEST_F(EtcdMetadataLogTest, a_snapshot_takes_the_place_of_the_commands_before_it) {
  Node& one = join();
  make_controller(one);
  append_all(one, 9);
  EXPECT_FALSE(one.cutter->is_due());
  append_all(one, 3);
  cut(one);
  EXPECT_EQ(keys_of("log"),
            (std::vector<std::string>{"/test/log/00000000000000000012", "/test/log/snapshot"}));
  EXPECT_EQ(keys_of("snapshots").size(), one.log->pointer()->pieces);
  EXPECT_GT(one.log->pointer()->pieces, 1U);

  Node& later = join();
  pass(500'000);
  EXPECT_EQ(later.loads, 1);
  EXPECT_EQ(later.told, one.told);
  EXPECT_EQ(later.log->last_revision(), Revision{12});
  EXPECT_EQ(later.log->first_id(), one.log->first_id());
  EXPECT_TRUE(later.log->has_read());
  // Both nodes continue after the snapshot.
  append_all(later, 1);
  append_all(one, 1);
  EXPECT_EQ(later.told, one.told);
  EXPECT_EQ(one.told.size(), 14U);
}

TEST_F(EtcdMetadataLogTest, the_last_of_several_snapshots_stays) {
  Node& one = join();
  make_controller(one);
  for (int i = 0; i < 3; ++i) {
    append_all(one, 20);
    cut(one);
  }
  EXPECT_EQ(keys_of("log").size(), 2U);
  EXPECT_EQ(keys_of("snapshots").size(), one.log->pointer()->pieces);
  Node& later = join();
  pass(500'000);
  EXPECT_EQ(later.told, one.told);
}

TEST_F(EtcdMetadataLogTest, a_node_that_was_cut_off_loads_the_snapshot_and_reads_on) {
  Node &one = join(), &two = join();
  make_controller(one);
  append_all(one, 5);
  EXPECT_EQ(two.told.size(), 5U);
  etcd_.cut(NodeId{2}, true);
  append_all(one, 8);
  cut(one);
  append_all(one, 4);
  EXPECT_EQ(two.told.size(), 5U);
  etcd_.cut(NodeId{2}, false);
  pass(2'000'000);
  EXPECT_EQ(two.loads, 1);
  EXPECT_EQ(two.told, one.told);
  append_all(two, 1);
  EXPECT_EQ(two.told, one.told);
}

// A node that was cut off appends a command with a revision that others have used meanwhile. A
// snapshot has replaced the command with this revision, so the key of the revision is free in etcd.
// The append must fail nevertheless.
TEST_F(EtcdMetadataLogTest, a_command_that_comes_behind_a_snapshot_with_its_revision_is_not_taken) {
  Node &one = join(), &first = join(), &second = join();
  make_controller(one);
  etcd_.cut(NodeId{2}, true);
  const auto as_the_first = append(first, "late");
  append_all(one, 3);
  pass(50'000);
  ASSERT_EQ(second.told.size(), 3U);
  etcd_.cut(NodeId{3}, true);
  const auto in_between = append(second, "later");
  append_all(one, 12);
  cut(one);
  etcd_.cut(NodeId{2}, false);
  etcd_.cut(NodeId{3}, false);
  pass(3'000'000);
  ASSERT_TRUE(as_the_first->has_value());
  ASSERT_TRUE(in_between->has_value());
  EXPECT_FALSE(as_the_first->value());
  EXPECT_FALSE(in_between->value());
  EXPECT_EQ(first.told, one.told);
  EXPECT_EQ(second.told, one.told);
  EXPECT_EQ(keys_of("log").size(), 2U);
}

TEST_F(EtcdMetadataLogTest, the_next_controller_completes_an_interrupted_removal) {
  Node &one = join(), &two = join();
  make_controller(one);
  append_all(one, 30);
  one.cutter->save(one.log->last_revision(), snapshot_of(one));
  while (keys_of("log").size() > 20) pass(1'000);
  one.cutter.reset();
  pass(1'000'000);
  ASSERT_GT(keys_of("log").size(), 10U);
  Node& later = join();  // the beginning of the remaining log is missing
  pass(500'000);
  EXPECT_EQ(later.told, one.told);
  make_controller(two);
  pass(2'000'000);
  EXPECT_EQ(keys_of("log").size(), 2U);
}

TEST_F(EtcdMetadataLogTest, pieces_of_a_snapshot_that_was_not_finished_go_with_the_next) {
  Node &one = join(), &two = join();
  make_controller(one);
  append_all(one, 20);
  one.cutter->save(one.log->last_revision(), snapshot_of(one));
  while (keys_of("snapshots").empty()) pass(1'000);
  one.cutter.reset();
  pass(1'000'000);
  ASSERT_FALSE(one.log->pointer());
  make_controller(two);
  cut(two);
  EXPECT_EQ(keys_of("snapshots").size(), two.log->pointer()->pieces);
}

// The node has given up a removal and does not know its outcome, but the removal still arrives.
TEST_F(EtcdMetadataLogTest, a_removal_that_comes_late_takes_nothing_that_was_written_since) {
  Node& one = join();
  make_controller(one);
  std::vector<EtcdTransaction> removals;
  etcd_.watch_commits([](NodeId, const auto&) {},
                      [&](NodeId, const EtcdTransaction& transaction) {
                        if (!transaction.removals.empty()) removals.push_back(transaction);
                      });
  for (int i = 0; i < 2; ++i) {
    append_all(one, 12);
    cut(one);
  }
  append_all(one, 12);
  const size_t before = keys_of("snapshots").size();
  one.cutter->save(one.log->last_revision(), snapshot_of(one));
  while (keys_of("snapshots").size() < before + 2) pass(1'000);
  ASSERT_FALSE(removals.empty());
  for (const EtcdTransaction& late : std::exchange(removals, {}))
    one.client->commit(late, [](const auto&) {});
  pass(2'000'000);
  EXPECT_EQ(one.log->pointer()->revision, one.log->last_revision());
  Node& later = join();
  pass(500'000);
  EXPECT_EQ(later.told, one.told);
}

TEST_F(EtcdMetadataLogTest, a_former_controller_cuts_nothing) {
  Node &one = join(), &two = join();
  make_controller(one);
  append_all(one, 12);
  make_controller(two);  // node one does not know of it
  ASSERT_TRUE(one.cutter->is_due());
  one.cutter->save(one.log->last_revision(), snapshot_of(one));
  pass(1'000'000);
  EXPECT_FALSE(one.log->pointer());
  EXPECT_TRUE(keys_of("snapshots").empty());
  EXPECT_EQ(keys_of("log").size(), 12U);
  cut(two);
}

TEST_F(EtcdMetadataLogTest, history_before_the_last_snapshot_is_compacted_and_watches_restart) {
  Node &one = join(), &two = join();
  make_controller(one);
  append_all(one, 15);
  cut(one);
  append_all(one, 15);
  cut(one);
  std::optional<ErrorCode> told;
  const auto watch = two.client->watch({"/test/", "/test0"}, EtcdRevision{2},
                                       [&](const Result<EtcdEvents>& events) {
                                         if (!events) told = events.error().code;
                                       });
  pass(50'000);
  EXPECT_EQ(told, ErrorCode::OffsetOutOfRange);
  append_all(two, 1);
  EXPECT_EQ(one.told, two.told);
}

TEST_F(EtcdMetadataLogTest, an_unreadable_snapshot_is_reported_and_not_loaded) {
  Node& one = join();
  make_controller(one);
  append_all(one, 12);
  one.cutter->save(one.log->last_revision(), "no snapshot");
  pass(1'000'000);
  Node& later = join();
  pass(500'000);
  EXPECT_FALSE(later.log->has_read());
  ASSERT_TRUE(later.log->trouble());
  EXPECT_EQ(later.log->last_revision(), Revision{0});
}

TEST(SnapshotPointer, is_read_as_it_was_written) {
  const SnapshotPointer pointer{.revision = Revision{1234},
                                .id = std::string(16, '\x7f'),
                                .pieces = 3,
                                .size_bytes = 1'000'000,
                                .first_command = std::string("\0first", 6),
                                .replaced = EtcdRevision{77}};
  const std::string bytes = encode(pointer);
  EXPECT_EQ(decode_snapshot_pointer(bytes).value(), pointer);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_snapshot_pointer(bytes.substr(0, size))) << size;
  EXPECT_EQ(decode_snapshot_pointer("\2" + bytes.substr(1)).error().code,
            ErrorCode::IncompatibleFormat);
}

}  // namespace
}  // namespace storage
