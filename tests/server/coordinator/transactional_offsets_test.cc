// Tests offsets that are committed in a transaction: they become visible when it commits, and are
// dropped when it is aborted.
#include "server/coordinator/internal_topics.h"
#include "tests/server/coordinator/group_test.h"

namespace server::coordinator {
namespace {

using records::TransactionEnd;

class TransactionalOffsetsTest : public GroupTest {
 protected:
  TransactionalOffsetsTest() { make_topic("t", 4); }

  KafkaError commit_for(const ProducerIdentity& producer, int64_t offset, int32_t partition = 0) {
    CommitOffsets request = commit_request(offset, "t", partition);
    request.producer = producer;
    return commit(std::move(request));
  }
  void end(const ProducerIdentity& producer, TransactionEnd how) {
    EXPECT_EQ(ask(EndOffsets{{producer, {how, 0}}}).error, KafkaError::None);
  }
  KafkaError stable_error() {
    FetchOffsets fetch;
    fetch.group_id = "g";
    const std::string topic = "t";
    fetch.topics = {{topic, {0}}};
    fetch.must_be_stable = true;
    return ask(std::move(fetch)).topics.at(0).second.at(0).error;
  }

  const ProducerIdentity anna{ProducerId{7}, 0}, bert{ProducerId{8}, 0};
};

TEST_F(TransactionalOffsetsTest, CountWhenTheTransactionIsCommitted) {
  ASSERT_EQ(commit(commit_request(3)), KafkaError::None);
  ASSERT_EQ(commit_for(anna, 5), KafkaError::None);
  EXPECT_EQ(committed(), 3);
  EXPECT_EQ(stable_error(), kUnstableOffsetCommit);
  end(anna, TransactionEnd::Commit);
  EXPECT_EQ(committed(), 5);
  EXPECT_EQ(stable_error(), KafkaError::None);
  lead();
  EXPECT_EQ(committed(), 5);
}

TEST_F(TransactionalOffsetsTest, AreForgottenWhenItIsAborted) {
  ASSERT_EQ(commit_for(anna, 5), KafkaError::None);
  ASSERT_EQ(commit_for(bert, 6, 1), KafkaError::None);
  end(anna, TransactionEnd::Abort);
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(stable_error(), KafkaError::None);
  end(bert, TransactionEnd::Commit);
  EXPECT_EQ(committed("t", 1), 6);
  end(anna, TransactionEnd::Commit);  // commits anna's next transaction, which has no offsets
  lead();
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(committed("t", 1), 6);
}

TEST_F(TransactionalOffsetsTest, WaitForTheirEndOverARestart) {
  ASSERT_EQ(commit_for(anna, 5), KafkaError::None);
  ASSERT_EQ(commit_for(anna, 6), KafkaError::None);
  lead();
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(stable_error(), kUnstableOffsetCommit);
  end(anna, TransactionEnd::Commit);
  EXPECT_EQ(committed(), 6);
}

TEST_F(TransactionalOffsetsTest, AreAcceptedFromMembersAndWithoutAMember) {
  const std::vector<std::string> members = stable_group(2);
  CommitOffsets request = commit_request(4);
  request.producer = anna;
  EXPECT_EQ(commit(request), KafkaError::None);
  request.member_id = members[0];
  request.generation = 1;
  EXPECT_EQ(commit(request), KafkaError::None);
  request.generation = 0;
  EXPECT_EQ(commit(request), kIllegalGeneration);
  request.member_id = "nobody";
  EXPECT_EQ(commit(request), kUnknownMemberId);
}

TEST_F(TransactionalOffsetsTest, TakeOnlyTheMemoryOfTheirContents) {
  ASSERT_EQ(commit_for(anna, 5), KafkaError::None);
  end(anna, TransactionEnd::Abort);
  EXPECT_EQ(shard->state_bytes(), 0);
}

// A client that commits the same partition repeatedly within a transaction writes many records; only the last one
// counts.
TEST_F(TransactionalOffsetsTest, AreKeptOnceForEachPartitionHoweverOftenTheyAreWritten) {
  ASSERT_EQ(commit_for(anna, 5), KafkaError::None);
  const size_t bytes = shard->state_bytes();
  for (int64_t offset = 6; offset < 200; ++offset)
    ASSERT_EQ(commit_for(anna, offset), KafkaError::None);
  EXPECT_EQ(shard->state_bytes(), bytes);
  end(anna, TransactionEnd::Commit);
  EXPECT_EQ(committed(), 199);
}

}  // namespace
}  // namespace server::coordinator
