#include "storage/log/request_queue.h"

#include <mutex>
#include <thread>

#include "storage/log/group_transaction.h"

namespace storage {
namespace {

using Lane = RequestQueue::Lane;
using Admission = RequestQueue::Admission;

// Puts a request into the queue. The test recognises it by its task id, which the queue does not read.
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

// A client that arrives later waits for the current group and for its own group.
TEST(RequestQueue, tasks_take_a_quarter_of_a_group_however_many_wait) {
  RequestQueue queue(100'000);
  for (int i = 0; i < 9; ++i) put(queue, Lane::Tasks, "t", 100);
  EXPECT_EQ(queue.gather(1000).group.size(), 3u);  // the third request crosses the limit
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

// Thousands of tasks may have their journals trimmed at the same time. A client must not wait for all
// of them.
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

// Clients arrive one after another, each in a group of its own, until the queue expects the next one.
void let_clients_come(RequestQueue& queue) {
  for (int i = 0; i < 20; ++i) {
    put(queue, Lane::Clients, "c", 10);
    EXPECT_EQ(queue.gather(1000).group.size(), 1u);
  }
}
constexpr int64_t kForEverUs = 60'000'000;

TEST(RequestQueue, a_commit_that_is_alone_waits_for_the_next_client) {
  RequestQueue queue(100'000, kForEverUs);
  put(queue, Lane::Tasks, "t", 10);
  EXPECT_EQ(names(queue.gather(1000)), "t ") << "nobody is expected";
  let_clients_come(queue);
  put(queue, Lane::Tasks, "t1", 10);
  EXPECT_EQ(names(queue.gather(1000, std::chrono::milliseconds(1))), "");
  std::thread client([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    put(queue, Lane::Tasks, "t2", 10);
    put(queue, Lane::Clients, "c", 10);
  });
  EXPECT_EQ(names(queue.gather(1000)), "t1 c t2 ");
  client.join();
}

TEST(RequestQueue, a_commit_waits_for_a_client_no_longer_than_it_may) {
  RequestQueue queue(100'000, 50'000);
  let_clients_come(queue);
  std::thread task([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    put(queue, Lane::Tasks, "t", 10);
  });
  EXPECT_EQ(names(queue.gather(1000)), "t ") << "the one that put it in has not woken us";
  task.join();
}

TEST(RequestQueue, commits_wait_for_no_client_while_a_reader_waits_for_them) {
  RequestQueue queue(1'000'000, kForEverUs);
  let_clients_come(queue);
  put(queue, Lane::Tasks, "t", 10);
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.hurry();
  });
  EXPECT_EQ(names(queue.gather(1000)), "t ");
  reader.join();
  queue.hurry();  // no request waits
  put(queue, Lane::Tasks, "t", 10);
  EXPECT_EQ(names(queue.gather(1000, std::chrono::milliseconds(1))), "")
      << "it concerned the first";
  for (int i = 0; i < 10; ++i) put(queue, Lane::Tasks, "t", 10'000);
  EXPECT_FALSE(queue.gather(1000).group.empty()) << "they are worth a group";
}

TEST(RequestQueue, other_work_waits_for_no_client) {
  RequestQueue queue(100'000, kForEverUs);
  let_clients_come(queue);
  LogWork work = OtherWork{};
  ASSERT_TRUE(queue.put_unbounded(work, 50));
  EXPECT_EQ(queue.gather(1000).group.size(), 1u);
  put(queue, Lane::Tasks, "t", 10);
  queue.close();
  EXPECT_EQ(names(queue.gather(1000)), "t ");
}

// The thread of a writer, which gathers groups until the queue is closed.
class Writer {
 public:
  explicit Writer(RequestQueue& queue) : queue_(queue) {}
  ~Writer() {
    queue_.close();
    thread_.join();
  }
  bool has_gathered(const std::string& name) {
    std::lock_guard lock(mutex_);
    return names_.find(name + " ") != std::string::npos;
  }
  size_t times() {
    std::lock_guard lock(mutex_);
    return times_;
  }
  void wait_for(const std::string& name) {
    while (!has_gathered(name)) std::this_thread::yield();
  }

 private:
  void run() {
    for (auto gathered = queue_.gather(1000); !gathered.is_over; gathered = queue_.gather(1000)) {
      std::lock_guard lock(mutex_);
      names_ += names(gathered);
      ++times_;
    }
  }
  RequestQueue& queue_;
  std::mutex mutex_;
  size_t times_ = 0;   // Guarded by mutex_
  std::string names_;  // Guarded by mutex_
  std::thread thread_{[this] { run(); }};
};

Admission put_alone(RequestQueue& queue, const std::string& name) {
  LogWork work = CommitWork{
      .commit =
          {.task = name, .epoch = {}, .sequence = {}, .journal = {}, .outputs = {}, .trims = {}},
      .done = {}};
  return queue.put_alone(work, 10);
}
std::string names(const std::vector<LogWork>& group) {
  std::string all;
  for (const LogWork& work : group) all += std::get<CommitWork>(work).commit.task + " ";
  return all;
}

// Queues requests one after another until one is admitted as TakenAlone, so that its client may
// take the writer's role. Returns the name of this request.
std::string become_alone(RequestQueue& queue, Writer& writer, const std::string& prefix) {
  for (int i = 0;; ++i) {
    const std::string name = prefix + std::to_string(i);
    if (put_alone(queue, name) == Admission::TakenAlone) return name;
    writer.wait_for(name);
    // The writer soon waits again. Before that, a request does not get the writer's role, so the loop pauses.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// Repeats become_alone() until the client also gets the writer's role: the writer may wake up by
// itself and take the request first. Returns the name of the client's request.
std::string take_role(RequestQueue& queue, Writer& writer, const std::string& prefix) {
  while (true) {
    const std::string name = become_alone(queue, writer, prefix);
    const std::string taken = names(queue.gather_alone(1000));
    if (taken == name + " ") return name;
    EXPECT_EQ(taken, "");
    writer.wait_for(name);
  }
}

TEST(RequestQueue, a_first_request_may_not_stay_alone) {
  RequestQueue queue(100'000);
  Writer writer(queue);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(put_alone(queue, "c" + std::to_string(i)), Admission::Taken);
    writer.wait_for("c" + std::to_string(i));
  }
}

TEST(RequestQueue, a_lone_request_is_written_between_two_groups_of_the_writer) {
  RequestQueue queue(100'000);
  Writer writer(queue);
  const std::string alone = take_role(queue, writer, "c");
  EXPECT_EQ(put(queue, Lane::Clients, "other", 10), Admission::Taken);
  EXPECT_EQ(put(queue, Lane::Tasks, "task", 10), Admission::Taken);
  EXPECT_TRUE(queue.gather_alone(1000).empty()) << "one at a time";
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(writer.has_gathered("other")) << "one at a time";
  queue.end_alone();
  writer.wait_for("other");
  writer.wait_for("task");
  EXPECT_FALSE(writer.has_gathered(alone));
  EXPECT_EQ(put_alone(queue, "next"), Admission::Taken) << "two have come at a time";
  writer.wait_for("next");
}

TEST(RequestQueue, a_lone_request_that_is_not_written_wakes_the_writer) {
  RequestQueue queue(100'000);
  Writer writer(queue);
  const std::string alone = become_alone(queue, writer, "c");
  queue.nudge();
  writer.wait_for(alone);
  EXPECT_TRUE(queue.gather_alone(1000).empty());
}

TEST(RequestQueue, unwritten_lone_requests_are_the_writers_when_it_closes) {
  RequestQueue queue(100'000);
  std::string alone;
  {
    Writer writer(queue);
    alone = become_alone(queue, writer, "c");
    queue.close();
    EXPECT_TRUE(queue.gather_alone(1000).empty());
    writer.wait_for(alone);
  }
  EXPECT_EQ(put_alone(queue, "late"), Admission::Closed);
}

// The commits join a group of the client once they have waited for the longest allowed time, however often the client
// appends.
TEST(RequestQueue, a_lone_request_leaves_commits_that_may_wait) {
  RequestQueue queue(100'000, 300'000);
  Writer writer(queue);
  take_role(queue, writer, "c");
  put(queue, Lane::Tasks, "task", 10);
  queue.end_alone();
  const auto begun = std::chrono::steady_clock::now();
  bool came_along = false;
  while (!came_along && !writer.has_gathered("task")) {
    ASSERT_EQ(put_alone(queue, "again"), Admission::TakenAlone);
    came_along = names(queue.gather_alone(1000)).find("task") != std::string::npos;
    queue.end_alone();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(250));
}

TEST(RequestQueue, the_writer_gets_the_role_when_a_lone_request_demands_it) {
  RequestQueue queue(100'000);
  Writer writer(queue);
  take_role(queue, writer, "c");
  const size_t before = writer.times();
  queue.end_alone(RequestQueue::now_us() + 5'000);
  while (writer.times() == before) std::this_thread::yield();
  take_role(queue, writer, "d");
  const size_t again = writer.times();
  queue.end_alone(RequestQueue::now_us() + 3'600'000'000);
  queue.hurry();
  while (writer.times() == again) std::this_thread::yield();
  take_role(queue, writer, "e");
  const size_t last = writer.times();
  queue.hurry();  // for commits after those that were just answered
  queue.end_alone(RequestQueue::now_us() + 3'600'000'000);
  while (writer.times() == last) std::this_thread::yield();
}

// A commit that may wait does not notify the writer. In an earlier version, the writer then slept for ever if the
// group of a client's thread had begun the pause of the commits.
TEST(RequestQueue, a_commit_behind_a_lone_request_is_due_in_time) {
  RequestQueue queue(100'000, 50'000);
  Writer writer(queue);
  for (const std::string name : {"a", "b", "c"}) {
    take_role(queue, writer, name);
    put(queue, Lane::Tasks, name + "-during", 10);
    queue.end_alone();
    writer.wait_for(name + "-during");
    take_role(queue, writer, name + "-again");
    queue.end_alone();
    put(queue, Lane::Tasks, name + "-behind", 10);
    writer.wait_for(name + "-behind");
  }
}

TEST(TaskPause, expects_clients_that_come_often) {
  TaskPause pause(2'000);
  EXPECT_LE(pause.due_us(), 0) << "of commits before the first client";
  int64_t now_us = 1'000'000;
  pause.clients_came(now_us);
  EXPECT_EQ(pause.due_us(), now_us) << "one alone is no reason";
  for (int i = 0; i < 10; ++i) pause.clients_came(now_us += 1'000);
  EXPECT_EQ(pause.due_us(), now_us + 2'000);
  for (int i = 0; i < 20; ++i) pause.clients_came(now_us += 1'900);
  EXPECT_EQ(pause.due_us(), now_us) << "the next would often come too late";
  for (int i = 0; i < 10; ++i) pause.clients_came(now_us += 100);
  EXPECT_EQ(pause.due_us(), now_us + 2'000);
  pause.clients_came(now_us += 60'000'000);
  EXPECT_EQ(pause.due_us(), now_us) << "it may be one alone again";
}

TEST(TaskPause, begins_when_the_disk_has_written_the_clients_group) {
  TaskPause pause(2'000);
  constexpr int64_t kWriteUs = 5'000;
  int64_t now_us = 1'000'000;
  for (int i = 0; i < 10; ++i) {
    pause.clients_came(now_us);
    pause.groups_are_written(now_us += kWriteUs);
    if (i < 9) now_us += 300;  // the client sends again as soon as it is answered
  }
  EXPECT_EQ(pause.due_us(), now_us + 2'000) << "however long the disk takes";
  pause.groups_are_written(now_us + 1'000);
  EXPECT_EQ(pause.due_us(), now_us + 2'000) << "what tasks wrote since is no client's";
  pause.nobody_came();
  EXPECT_EQ(pause.due_us(), now_us);
}

TEST(TaskPause, is_rare_where_clients_wait_for_the_tasks) {
  TaskPause pause(2'000);
  int64_t now_us = 1'000'000;
  int in_vain = 0;
  for (int i = 0; i < 320; ++i) {
    pause.clients_came(now_us);
    const bool waits = pause.due_us() > now_us;
    in_vain += waits;
    now_us += waits ? 3'000 : 1'000;  // the client sends again when its commit was answered
    pause.nobody_came();
  }
  EXPECT_GE(in_vain, 10);
  EXPECT_LE(in_vain, 22);
}

TEST(RequestQueue, reports_the_waiting_requests_of_both_lanes) {
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

TEST(RequestQueue, callers_that_wait_for_space_are_returned_even_with_an_empty_queue) {
  RequestQueue queue(100);
  int calls = 0;
  queue.when_room([&] { ++calls; });
  const auto gathered = queue.gather(100);
  for (const auto& waiter : gathered.waiters) waiter();
  EXPECT_EQ(calls, 1);
}

TEST(RequestQueue, requests_queued_before_closing_are_still_gathered) {
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
