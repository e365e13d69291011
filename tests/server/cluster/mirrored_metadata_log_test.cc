#include "server/cluster/mirrored_metadata_log.h"

#include <gtest/gtest.h>

#include "storage/meta/cluster_table.h"

using namespace server;
using storage::MetadataCommand;

namespace {

// A log whose loop the test replaces: posted tasks run immediately, and an append waits for the answer that
// the test gives.
struct Mirror {
  Mirror()
      : log(
            [this](Revision, const MetadataCommand& command,
                   std::function<void(Result<Revision>)> done) {
              asked.push_back(command);
              answer = std::move(done);
            },
            [](const std::function<void()>& task) { task(); },
            [this](Revision revision, std::string bytes) {
              saved = {revision, std::move(bytes)};
            },
            clock) {}
  void append() {
    log.append(Revision{0}, {},
               [this](Result<Revision> revision) { result = std::move(revision); });
  }
  void read(int64_t revision, const std::vector<storage::MetadataPart>& parts = {}) {
    log.read(storage::MetadataRecord{Revision{revision}, {parts}}, table);
  }

  SimulatedClock clock;
  std::vector<MetadataCommand> asked;
  std::function<void(Result<Revision>)> answer;
  std::optional<Result<Revision>> result;
  std::pair<Revision, std::string> saved;
  storage::ClusterTable table;  // the metadata that the loop has read
  MirroredMetadataLog log;
};

}  // namespace

TEST(MirroredMetadataLog, an_append_is_answered_when_it_can_be_read_in_any_order_of_events) {
  Mirror first;
  first.append();
  first.answer(Revision{1});
  EXPECT_FALSE(first.result);
  first.read(1);
  ASSERT_TRUE(first.result);
  EXPECT_EQ(first.result->value(), Revision{1});

  Mirror then;
  then.append();
  then.read(1);
  EXPECT_FALSE(then.result);
  then.answer(Revision{1});
  ASSERT_TRUE(then.result);
  EXPECT_EQ(then.result->value(), Revision{1});
}

TEST(MirroredMetadataLog, an_overtaken_append_is_reported) {
  Mirror mirror;
  mirror.append();
  mirror.answer(Error{ErrorCode::OutOfOrderSequence, "the log has moved on"});
  ASSERT_TRUE(mirror.result);
  EXPECT_EQ(mirror.result->error().code, ErrorCode::OutOfOrderSequence);
}

TEST(MirroredMetadataLog, after_a_long_wait_for_etcd_the_outcome_is_unknown) {
  Mirror mirror;
  mirror.append();
  mirror.clock.advance_us(9'000'000);
  mirror.log.tick();
  EXPECT_FALSE(mirror.result);
  mirror.clock.advance_us(1'000'000);
  mirror.log.tick();
  ASSERT_TRUE(mirror.result);
  EXPECT_EQ(mirror.result->error().code, ErrorCode::ReadTimeout);
  mirror.answer(Revision{1});  // no caller is waiting
  mirror.read(1);
}

TEST(MirroredMetadataLog, no_caller_waits_after_the_stop) {
  Mirror mirror;
  mirror.append();
  mirror.log.stop();
  EXPECT_EQ(mirror.result->error().code, ErrorCode::ShuttingDown);
  mirror.result.reset();
  mirror.append();
  EXPECT_EQ(mirror.result->error().code, ErrorCode::ShuttingDown);
  EXPECT_EQ(mirror.asked.size(), 1U);
}

TEST(MirroredMetadataLog, parts_about_nodes_are_left_out_and_revisions_stay) {
  Mirror mirror;
  std::vector<Revision> told;
  mirror.log.watch([&](Revision revision) { told.push_back(revision); });
  mirror.read(1, {{std::string(storage::kClusterPart), "a"}});
  mirror.read(2, {{"topics", "b"}, {std::string(storage::kClusterPart), "c"}});
  mirror.read(3);
  EXPECT_EQ(told, (std::vector{Revision{1}, Revision{2}, Revision{3}}));
  const auto records = mirror.log.read(Revision{1}, 2).value();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_TRUE(records[0].command.parts.empty());
  EXPECT_EQ(records[1].command.parts, (std::vector<storage::MetadataPart>{{"topics", "b"}}));
  EXPECT_EQ(mirror.log.read(Revision{3}, 10).value().size(), 1U);
  EXPECT_EQ(mirror.log.read(Revision{4}, 10).value().size(), 0U);
  EXPECT_FALSE(mirror.log.read(Revision{2}, 10));  // the command was read already
}

TEST(MirroredMetadataLog, a_snapshot_has_the_loops_tables_of_that_moment) {
  Mirror mirror;
  using Wish = storage::MetadataLog::SnapshotWish;
  EXPECT_EQ(mirror.log.snapshot_wish(), Wish::NotDue);
  mirror.log.want_snapshot(true);
  EXPECT_EQ(mirror.log.snapshot_wish(), Wish::Due);
  storage::ClusterNode node{.id = NodeId{7}};
  ASSERT_TRUE(mirror.table.apply(storage::encode_register_node(node), Revision{1}));
  mirror.read(1);
  const std::string then = mirror.table.save();
  node.id = NodeId{8};
  ASSERT_TRUE(mirror.table.apply(storage::encode_register_node(node), Revision{2}));
  mirror.read(2);
  ASSERT_EQ(mirror.log.read(Revision{1}, 10).value().size(), 2U);
  std::optional<Status> saved;
  mirror.log.save_snapshot({Revision{1}, {{{"topics", "t"}}}},
                           [&](Status status) { saved = std::move(status); });
  EXPECT_TRUE(saved && *saved);
  EXPECT_EQ(mirror.saved.first, Revision{1});
  const auto snapshot = storage::decode_metadata_snapshot(mirror.saved.second).value();
  EXPECT_EQ(snapshot.state.parts,
            (std::vector<storage::MetadataPart>{{"topics", "t"},
                                                {std::string(storage::kClusterPart), then}}));
  EXPECT_EQ(mirror.log.snapshot_wish(), Wish::NotDue) << "until it is asked for again";
  mirror.log.read(Revision{3}, 10).value();
  mirror.log.save_snapshot({Revision{1}, {}}, [&](Status status) { saved = std::move(status); });
  EXPECT_FALSE(*saved);
}

TEST(MirroredMetadataLog, state_that_only_a_snapshot_has_is_loaded_from_it) {
  Mirror mirror;
  mirror.append();
  mirror.answer(Revision{3});
  mirror.read(1);
  std::vector<Revision> told;
  mirror.log.watch([&](Revision revision) { told.push_back(revision); });
  mirror.log.load({Revision{5}, {{{"topics", "t"}, {std::string(storage::kClusterPart), "c"}}}});
  EXPECT_EQ(told, std::vector{Revision{5}});
  EXPECT_TRUE(mirror.result && *mirror.result);
  EXPECT_EQ(mirror.log.last_revision(), Revision{5});
  EXPECT_EQ(mirror.log.read(Revision{1}, 10).error().code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(mirror.log.read(Revision{2}, 10).error().code, ErrorCode::OffsetOutOfRange);
  const auto snapshot = mirror.log.load_snapshot().value();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->revision, Revision{5});
  EXPECT_EQ(snapshot->state.parts, (std::vector<storage::MetadataPart>{{"topics", "t"}}));
  mirror.read(6);
  EXPECT_EQ(mirror.log.read(Revision{6}, 10).value().size(), 1U);
}
