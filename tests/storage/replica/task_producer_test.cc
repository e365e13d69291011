#include "storage/replica/task_producer.h"

#include <gtest/gtest.h>

namespace storage {
namespace {

TEST(TaskProducerTest, the_id_contains_the_revision_of_the_query) {
  const TaskProducer task{Revision{1'234'567}, 3, 16'000};
  const auto told = TaskProducer::of(task.id());
  ASSERT_TRUE(told);
  EXPECT_EQ(told->made_at, task.made_at);
  EXPECT_EQ(told->stage, task.stage);
  EXPECT_EQ(told->number, task.number);
  EXPECT_TRUE(is_task_producer(task.id()));
}

TEST(TaskProducerTest, ids_of_other_producers_contain_no_revision) {
  EXPECT_FALSE(TaskProducer::of(ProducerId{-1}));
  EXPECT_FALSE(TaskProducer::of(ProducerId{4'711'000}));
  EXPECT_FALSE(TaskProducer::of(kFirstTaskProducer + 12)) << "of a node that is alone";
}

}  // namespace
}  // namespace storage
