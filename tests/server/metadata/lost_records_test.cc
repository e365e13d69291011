#include "server/metadata/lost_records.h"

#include <gtest/gtest.h>

#include "storage/log/task_journal.h"

namespace server {
namespace {

const Uuid kOrders{{1}}, kSums{{2}}, kOther{{3}};

storage::TopicPartition partition(const Uuid& topic, int32_t number = 0) {
  return {topic, PartitionId{number}};
}

// Returns a query from orders to sums that was made at revision 10 and commits to journal 4.
DefinedQueryPtr query(const std::string& id = "CTAS_SUMS_0") {
  auto asked = std::make_shared<engine::PersistentQuery>();
  asked->id = id;
  asked->sink = "SUMS";
  auto plan = std::make_shared<engine::QueryPlan>();
  plan->id = id;
  auto defined = std::make_shared<DefinedQuery>();
  defined->query = asked;
  defined->plan = plan;
  defined->topic_ids = {{"orders", kOrders}, {"SUMS", kSums}};
  defined->journal = PartitionId{4};
  defined->made_at = Revision{10};
  return defined;
}

storage::UncleanElections election(const storage::TopicPartition& of, int64_t revision) {
  storage::UncleanElections elections;
  elections.set(of, {LeaderEpoch{7}, Revision{revision}});
  return elections;
}

std::optional<Error> why(const storage::UncleanElections& elections) {
  return why_lost(*query(), elections_over(*query(), elections));
}

TEST(LostRecordsTest, a_query_is_lost_by_elections_of_its_inputs_outputs_and_journals) {
  const auto read = why(election(partition(kOrders, 2), 11));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code, ErrorCode::ObjectState) << "for good";
  EXPECT_TRUE(
      read->message.starts_with("records of topic \"orders\", partition 2, were lost by an "
                                "unclean election of a leader (epoch 7): "))
      << read->message;
  EXPECT_TRUE(read->hint.starts_with("DROP STREAM SUMS DELETE TOPIC, and create it again"))
      << read->hint;
  EXPECT_TRUE(why(election(partition(kSums), 11)));
  const auto committed = why(election(partition(storage::kReplicatedJournal, 4), 11));
  ASSERT_TRUE(committed);
  EXPECT_TRUE(committed->message.starts_with(
      "commits of the query in partition 4 of __task_journal were lost"))
      << committed->message;
}

TEST(LostRecordsTest, other_queries_are_not_lost_and_later_ones_are_not_affected) {
  EXPECT_FALSE(why({}));
  EXPECT_FALSE(why(election(partition(kOther), 11)));
  EXPECT_FALSE(why(election(partition(storage::kReplicatedJournal, 5), 11)));
  EXPECT_FALSE(why(election(partition(kOrders), 9)));
  // The replica on this node may still have the contents from before the election.
  EXPECT_EQ(elections_over(*query(), election(partition(kOrders), 9)).size(), 1u);
}

TEST(LostRecordsTest, the_queries_over_a_partition_are_found) {
  MetadataImage image;
  image.put(query());
  const auto over = [&](const storage::TopicPartition& of) {
    return queries_over(image, std::vector{of});
  };
  const std::vector<std::string> found{"CTAS_SUMS_0"};
  EXPECT_EQ(over(partition(kOrders)), found);
  EXPECT_EQ(over(partition(kSums)), found);
  EXPECT_EQ(over(partition(storage::kReplicatedJournal, 4)), found);
  EXPECT_TRUE(over(partition(storage::kReplicatedJournal, 3)).empty());
  EXPECT_TRUE(over(partition(kOther)).empty());
}

}  // namespace
}  // namespace server
