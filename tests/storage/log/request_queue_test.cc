#include "storage/log/request_queue.h"

#include "storage/log/group_transaction.h"

namespace storage {
namespace {

using Lane = RequestQueue::Lane;
using Admission = RequestQueue::Admission;

// Work that is recognized by its task id; the queue does not look inside.
Admission put(RequestQueue& queue, Lane lane, const std::string& name, size_t size_bytes) {
  LogWork work = CommitWork{
      .commit =
          {.task = name, .epoch = {}, .sequence = {}, .journal = {}, .outputs = {}, .trims = {}},
      .done = {}};
  return queue.put(lane, work, size_bytes);
}
std::string names(const RequestQueue::Gathered& gathered) {
  std::string all;
  for (const LogWork& work : gathered.group) all += std::get<CommitWork>(work).commit.task + " ";
  return all;
}

TEST(RequestQueue, the_lane_that_has_given_less_goes_next) {
  RequestQueue queue(1000);
  put(queue, Lane::Clients, "c1", 100);
  put(queue, Lane::Clients, "c2", 100);
  put(queue, Lane::Clients, "c3", 100);
  put(queue, Lane::Tasks, "t1", 150);
  put(queue, Lane::Tasks, "t2", 10);
  EXPECT_EQ(names(queue.gather(1000)), "t1 c1 c2 t2 c3 ");
}

// A client that comes meanwhile waits for what is written now and for its own group.
TEST(RequestQueue, tasks_take_a_quarter_of_a_group_however_many_wait) {
  RequestQueue queue(100'000);
  for (int i = 0; i < 9; ++i) put(queue, Lane::Tasks, "t", 100);
  EXPECT_EQ(queue.gather(1000).group.size(), 3u);  // the third crosses the limit
  put(queue, Lane::Clients, "c1", 10);
  put(queue, Lane::Clients, "c2", 800);
  EXPECT_EQ(names(queue.gather(1000)), "t c1 c2 t ");
  EXPECT_EQ(queue.gather(1000).group.size(), 1u) << "another client may come any moment";
}

TEST(RequestQueue, tasks_take_less_while_clients_come_and_go) {
  RequestQueue queue(1'000'000);
  for (int i = 0; i < 200; ++i) put(queue, Lane::Tasks, "t", 100);
  EXPECT_EQ(queue.gather(1600).group.size(), 4u) << "nobody has come yet";
  put(queue, Lane::Clients, "c", 10);
  EXPECT_EQ(names(queue.gather(1600)), "t c ");
  for (int group = 1; group < 64; ++group) EXPECT_EQ(queue.gather(1600).group.size(), 1u) << group;
  EXPECT_EQ(queue.gather(1600).group.size(), 4u) << "nobody has come for long";
}

// Thousands of tasks may have their journals trimmed at once: a client does not wait for all of them.
TEST(RequestQueue, other_work_counts_in_a_group_and_is_not_bounded) {
  RequestQueue queue(100);
  for (int i = 0; i < 1000; ++i) {
    LogWork work = OtherWork{};
    ASSERT_TRUE(queue.put_unbounded(work, 50));
  }
  put(queue, Lane::Clients, "c", 10);
  EXPECT_EQ(queue.backlog().bytes, 10u);
  const auto group = queue.gather(1000).group;
  EXPECT_LE(group.size(), 7u);
  EXPECT_EQ(queue.backlog().bytes, 0u) << "the client's is among them";
  EXPECT_EQ(put(queue, Lane::Tasks, "t", 100), Admission::Taken) << "they hold nothing of the lane";
}

TEST(RequestQueue, tells_what_waits_in_both_lanes) {
  RequestQueue queue(1000);
  put(queue, Lane::Clients, "c", 100);
  put(queue, Lane::Tasks, "t", 150);
  EXPECT_EQ(queue.backlog().requests, 2u);
  EXPECT_EQ(queue.backlog().bytes, 250u);
  queue.gather(1000);
  EXPECT_EQ(queue.backlog().requests, 0u);
  EXPECT_EQ(queue.backlog().bytes, 0u);
}

TEST(RequestQueue, a_group_ends_at_its_limit_and_holds_at_least_one) {
  RequestQueue queue(1000);
  put(queue, Lane::Clients, "large", 500);
  put(queue, Lane::Clients, "small", 10);
  EXPECT_EQ(names(queue.gather(100)), "large ");
  EXPECT_EQ(names(queue.gather(100)), "small ");
}

TEST(RequestQueue, each_lane_has_its_limit_and_takes_one_of_any_size_when_empty) {
  RequestQueue queue(100);
  EXPECT_EQ(put(queue, Lane::Clients, "huge", 5000), Admission::Taken);
  EXPECT_EQ(put(queue, Lane::Clients, "next", 1), Admission::Full);
  EXPECT_EQ(put(queue, Lane::Tasks, "task", 100), Admission::Taken);
  EXPECT_EQ(put(queue, Lane::Tasks, "task", 1), Admission::Full);
  queue.gather(10'000);
  EXPECT_EQ(put(queue, Lane::Clients, "next", 1), Admission::Taken);
}

TEST(RequestQueue, who_waits_for_room_is_handed_out_even_when_nothing_is_queued) {
  RequestQueue queue(100);
  int calls = 0;
  queue.when_room([&] { ++calls; });
  const auto gathered = queue.gather(100);
  for (const auto& waiter : gathered.waiters) waiter();
  EXPECT_EQ(calls, 1);
}

TEST(RequestQueue, what_was_queued_before_closing_is_still_gathered) {
  RequestQueue queue(100);
  put(queue, Lane::Clients, "last", 10);
  queue.close();
  EXPECT_EQ(put(queue, Lane::Clients, "late", 10), Admission::Closed);
  const auto gathered = queue.gather(100);
  EXPECT_EQ(names(gathered), "last ");
  EXPECT_FALSE(gathered.is_over);
  EXPECT_TRUE(queue.gather(100).is_over);
}

}  // namespace
}  // namespace storage
