// Tests commits that other nodes decided: a portion is applied completely or not at all and in order, together
// with the position of its end.
#include "storage/log/apply_replicated_commits.h"

#include "storage/kv/memory_store.h"
#include "storage/log/task_outputs.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

class CarryOutTest : public testing::Test {
 protected:
  void SetUp() override {
    log_ = Log::open(disk_.open(), {}).value();
    ASSERT_TRUE(create_partitions_and_wait(*log_, exchange_.topic, 1, PartitionKind::Internal));
    for (const char* task : {"q/0/0", "q/0/1"})
      starts_[task] = begin_task_and_wait(*log_, task).value();
  }
  TaskCommit commit(const std::string& task, int64_t sequence, std::optional<Offset> trim = {}) {
    const std::string text = task.substr(task.size() - 1) + std::to_string(sequence);
    records::BatchBuilder batch;
    batch.append(1, "k", text);
    const ProducerId producer = kFirstTaskProducer + (1000 + (task.back() - '0'));
    TaskCommit made{task,
                    starts_.at(task).epoch,
                    TaskSequence{sequence},
                    journal_batch(task, TaskSequence{sequence}, "j" + text),
                    {},
                    {}};
    made.outputs.push_back(
        {exchange_,
         batch.finish(records::Codec::None, {producer, 0, static_cast<int32_t>(sequence - 1)})});
    if (trim) made.trims.push_back({exchange_, *trim});
    return made;
  }
  Result<CarriedOut> carry(std::vector<TaskCommit> commits, const std::string& place) {
    return wait_for<Result<CarriedOut>>([&](auto done) {
      apply_replicated_commits(
          *log_, std::move(commits),
          [place](WriteTransaction& transaction) -> Status {
            return transaction.put(TRY(transaction.open_table("places", KeyOrder::Bytes)), "here",
                                   place);
          },
          done);
    });
  }
  std::string place() {
    const auto found = std::make_shared<std::string>();
    const Status looked = wait_for<Status>([&](auto done) {
      log_->submit(
          [found](WriteTransaction& transaction) -> Status {
            const auto table = TRY(transaction.find_table("places", KeyOrder::Bytes));
            if (table)
              if (const auto bytes = TRY(transaction.get(*table, "here"))) *found = *bytes;
            return {};
          },
          done);
    });
    EXPECT_TRUE(looked);
    return *found;
  }

  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
  const TopicPartition exchange_{Uuid{{7}}, PartitionId{0}};
  std::map<std::string, TaskStart> starts_;
};

TEST_F(CarryOutTest, commits_of_several_tasks_come_in_their_order) {
  const auto done = carry({commit("q/0/0", 1), commit("q/0/1", 1), commit("q/0/0", 2)}, "3");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->journalled.size(), 3u);
  EXPECT_EQ(read_values(*log_, exchange_), (Values{"01", "11", "02"}));
  EXPECT_EQ(journal_of_task(*log_, "q/0/0"), (Values{"1:j01", "2:j02"}));
  EXPECT_EQ(place(), "3");
}

TEST_F(CarryOutTest, nothing_is_done_where_one_cannot_be) {
  ASSERT_TRUE(carry({commit("q/0/0", 1)}, "1"));
  const auto done = carry({commit("q/0/0", 2), commit("q/0/1", 2)}, "2");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(read_values(*log_, exchange_), (Values{"01"}));
  EXPECT_EQ(journal_of_task(*log_, "q/0/0"), (Values{"1:j01"}));
  EXPECT_EQ(place(), "1");
  ASSERT_TRUE(carry({commit("q/0/0", 2), commit("q/0/1", 1)}, "2"));
  EXPECT_EQ(read_values(*log_, exchange_), (Values{"01", "02", "11"}));
}

TEST_F(CarryOutTest, a_task_that_was_begun_again_has_another_owner) {
  TaskCommit old = commit("q/0/0", 1);
  starts_["q/0/0"] = begin_task_and_wait(*log_, "q/0/0").value();
  EXPECT_EQ(carry({std::move(old)}, "1").error().code, ErrorCode::FencedTask);
  EXPECT_TRUE(carry({commit("q/0/0", 1)}, "1"));
}

TEST_F(CarryOutTest, consumed_records_are_removed_with_the_commit) {
  ASSERT_TRUE(carry({commit("q/0/0", 1), commit("q/0/0", 2), commit("q/0/1", 1, Offset{2})}, "3"));
  EXPECT_EQ(log_->find_partition(exchange_)->log_start(), Offset{2});
  EXPECT_EQ(log_->find_partition(exchange_)->log_end(), Offset{3});
}

}  // namespace
}  // namespace storage
