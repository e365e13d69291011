#include "server/metadata/job_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace server {
namespace {

using Lane = JobQueue::Lane;

class JobQueueTest : public testing::Test {
 protected:
  void add(Lane lane, const std::string& name) {
    queue_.add(lane, {[this, name] { said_.push_back(name); },
                      [this, name](const Error& error) {
                        said_.push_back(name + " refused " + std::string(::name(error.code)));
                      }});
  }
  void run(size_t count) {
    for (size_t i = 0; i < count; ++i) queue_.take()->run();
  }

  JobQueue queue_{2};
  std::vector<std::string> said_;
};

TEST_F(JobQueueTest, a_full_lane_answers_and_the_other_goes_on) {
  for (const char* name : {"t1", "t2", "t3"}) add(Lane::Topics, name);
  add(Lane::Statements, "s1");
  EXPECT_EQ(said_, std::vector<std::string>{"t3 refused TooManyStatements"});
  run(3);
  EXPECT_EQ(said_.size(), 4u);
  add(Lane::Topics, "t4");
  run(1);
  EXPECT_EQ(said_.back(), "t4");
}

TEST_F(JobQueueTest, lanes_take_turns) {
  add(Lane::Topics, "t1");
  add(Lane::Topics, "t2");
  add(Lane::Statements, "s1");
  run(2);
  ASSERT_EQ(said_.size(), 2u);
  EXPECT_EQ(std::count(said_.begin(), said_.end(), "t2"), 0) << "waits for its next turn";
}

TEST_F(JobQueueTest, closing_answers_all_that_waits_and_all_that_comes) {
  add(Lane::Statements, "s1");
  add(Lane::Topics, "t1");
  queue_.close();
  add(Lane::Statements, "s2");
  EXPECT_EQ(said_, (std::vector<std::string>{"s1 refused ShuttingDown", "t1 refused ShuttingDown",
                                             "s2 refused ShuttingDown"}));
  EXPECT_FALSE(queue_.take());
}

}  // namespace
}  // namespace server
