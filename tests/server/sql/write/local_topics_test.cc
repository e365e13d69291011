#include "server/sql/write/local_topics.h"

#include <future>

#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

std::string batch_of(const std::string& key, const std::string& value) {
  records::BatchBuilder batch;
  batch.append(1'700'000'000'000, key, value);
  return batch.finish();
}

class LocalTopicsTest : public testing::Test {
 protected:
  LocalTopicsTest() {
    EXPECT_TRUE(
        node_.define("CREATE TABLE t (id VARCHAR PRIMARY KEY, v VARCHAR) WITH (PARTITIONS = 2);"));
    partition_ = node_.partition("t");
    EXPECT_NE(partition_.topic, Uuid{});
  }
  Result<storage::Appended> append(const storage::TopicPartition& to, const std::string& key) {
    std::promise<Result<storage::Appended>> answer;
    storage::AppendRequest request;
    request.parts.push_back({to, batch_of(key, "v")});
    topics_.append(std::move(request), AppendTo::Topics, nullptr,
                   [&](Result<storage::Appended> appended) { answer.set_value(appended); });
    return answer.get_future().get();
  }
  std::vector<ClusterTopics::Changed> change(std::vector<ClusterTopics::Change> parts) {
    std::promise<std::vector<ClusterTopics::Changed>> answer;
    topics_.append_changes(std::move(parts),
                           [&](auto changed) { answer.set_value(std::move(changed)); });
    return answer.get_future().get();
  }
  Result<std::vector<storage::AppendedBatch>> commit(std::vector<ClusterTopics::Change> parts) {
    std::promise<Result<std::vector<storage::AppendedBatch>>> answer;
    topics_.commit(std::move(parts), [&](auto committed) { answer.set_value(committed); });
    return answer.get_future().get();
  }
  Offset end_of(const storage::TopicPartition& partition) {
    Offset found{-1};
    topics_.ask_ends({partition}, 0, [&](const Result<ClusterTopics::Ends>& ends) {
      ASSERT_TRUE(ends);
      for (const auto& [its, end] : *ends) found = end;
    });
    return found;  // the callback is called before the call returns
  }

  Disks disks_;
  RunningQueries node_{disks_};
  CommittedEnds committed_ends_{*node_.log};
  WriteFence fence_;
  LocalTopics topics_{*node_.log, node_.memory, *node_.definitions, committed_ends_, fence_};
  storage::TopicPartition partition_;
};

TEST_F(LocalTopicsTest, ends_include_each_answered_append) {
  EXPECT_FALSE(topics_.asks_leaders());
  EXPECT_EQ(end_of(partition_), Offset{0});
  ASSERT_TRUE(append(partition_, "a"));
  EXPECT_EQ(end_of(partition_), Offset{1});
  const storage::TopicPartition unknown{Uuid::random(), PartitionId{0}};
  EXPECT_EQ(end_of(unknown), Offset{-1});
  EXPECT_TRUE(topics_.has_topic(partition_.topic));
  EXPECT_FALSE(topics_.has_topic(unknown.topic));
}

TEST_F(LocalTopicsTest, rows_for_a_dropped_or_a_fenced_table_are_refused) {
  const auto refused = append({Uuid::random(), PartitionId{0}}, "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::UnknownTopic);
  {
    const WriteFence::Hold hold = fence_.close(partition_.topic);
    EXPECT_EQ(append(partition_, "a").error().code, ErrorCode::ObjectState);
    EXPECT_FALSE(change({{partition_, batch_of("a", "v"), Offset{0}}}).front().appended);
  }
  EXPECT_TRUE(append(partition_, "a"));
}

TEST_F(LocalTopicsTest, a_change_is_overtaken_by_a_newer_row_of_its_key_only) {
  ASSERT_TRUE(append(partition_, "a"));
  const auto changed = change({{partition_, batch_of("a", "1"), Offset{0}},
                               {node_.partition("t", 1), batch_of("b", "1"), Offset{0}},
                               {partition_, batch_of("c", "1")}});
  ASSERT_EQ(changed.size(), 3u);
  EXPECT_TRUE(changed[0].was_overtaken());
  EXPECT_TRUE(changed[1].appended);
  EXPECT_TRUE(changed[2].appended);
  EXPECT_EQ(end_of(partition_), Offset{2});
  EXPECT_TRUE(change({{partition_, batch_of("a", "1"), Offset{1}}}).front().appended);
}

TEST_F(LocalTopicsTest, a_commit_appends_all_parts_or_none) {
  const storage::TopicPartition other = node_.partition("t", 1);
  ASSERT_TRUE(commit({{partition_, batch_of("a", "1")}, {other, batch_of("b", "1")}}));
  EXPECT_EQ(end_of(partition_), Offset{1});
  EXPECT_EQ(end_of(other), Offset{1});
  const auto refused =
      commit({{partition_, batch_of("a", "2"), Offset{1}}, {other, batch_of("b", "2"), Offset{1}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::NotSupported);
  EXPECT_EQ(end_of(partition_), Offset{1});
  EXPECT_EQ(commit({{partition_, batch_of("a", "2"), Offset{0}}}).error().code,
            ErrorCode::ObjectState);
  EXPECT_TRUE(commit({{partition_, batch_of("a", "2"), Offset{1}}}));
}

}  // namespace
}  // namespace server
