#include "server/tasks/restart_schedule.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

using namespace server;

namespace {

using Attempts = std::vector<RestartSchedule::Attempt>;
using Kind = RestartSchedule::Trouble::Kind;

const Error kDiskFull{ErrorCode::DiskFull, "no space left"};
const Error kReadFailed{ErrorCode::StorageFailure, "read failed"};
const Error kBadRecord{ErrorCode::CorruptRecord, "bad record"};

class Schedule : public testing::Test {
 protected:
  // Starts a run of the query on the shards.
  uint64_t run(const std::string& query) {
    const uint64_t number = schedule_.begin_run(query).run;
    schedule_.started(query);
    return number;
  }
  bool fails(const std::string& query, uint64_t number, const Error& error, int64_t now_ms,
             bool was_isolating = false, bool has_progressed = false) {
    return schedule_.task_failed({query, number, error, was_isolating, has_progressed}, now_ms);
  }
  std::optional<Kind> kind_of(const std::string& query) const {
    const auto trouble = schedule_.trouble_of(query);
    if (!trouble) return std::nullopt;
    return trouble->kind;
  }
  // Returns the ids of the queries that are due.
  std::vector<std::string> due(int64_t now_ms) {
    std::vector<std::string> ids;
    for (const RestartSchedule::Attempt& attempt : schedule_.take_due(now_ms)) {
      ids.push_back(attempt.query_id);
      last_ = attempt;
    }
    return ids;
  }

  RestartSchedule schedule_{{100, 1'000}};
  RestartSchedule::Attempt last_;
};

using Ids = std::vector<std::string>;

// If a statement interrupts an attempt, the query itself has not failed, so the attempt is repeated
// in the same mode.
TEST_F(Schedule, an_attempt_that_made_way_comes_again_as_it_was) {
  ASSERT_TRUE(fails("q", run("q"), kBadRecord, 1000));
  auto attempt = schedule_.take_due(1000).at(0);
  EXPECT_EQ(attempt.mode, RunMode::Isolating);
  for (int64_t now_ms = 1000; now_ms < 2000; now_ms += 100) {
    schedule_.put_off(attempt, now_ms);
    EXPECT_EQ(schedule_.next_due_ms(), now_ms + 100) << "always the same pace";
    const auto again = schedule_.take_due(now_ms + 100).at(0);
    EXPECT_EQ(again.mode, RunMode::Isolating);
    EXPECT_GT(again.run, attempt.run);
    attempt = again;
  }
  schedule_.forget("q");
  schedule_.put_off(attempt, 3000);
  EXPECT_EQ(schedule_.next_due_ms(), std::nullopt);
}

}  // namespace

TEST_F(Schedule, sixteen_failed_tasks_of_a_run_are_one_attempt) {
  const uint64_t number = run("q");
  EXPECT_TRUE(fails("q", number, kReadFailed, 0));
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(fails("q", number, kReadFailed, 0));
  EXPECT_EQ(due(99), Ids{});
  EXPECT_EQ(due(100), Ids{"q"});
  EXPECT_EQ(due(100'000), Ids{});
}

TEST_F(Schedule, news_of_an_older_run_are_dropped) {
  const uint64_t old = run("q");
  fails("q", old, kReadFailed, 0);
  EXPECT_EQ(due(100), Ids{"q"});
  EXPECT_FALSE(fails("q", old, kReadFailed, 100)) << "while the attempt is made";
  schedule_.started("q");
  EXPECT_FALSE(fails("q", old, kReadFailed, 100)) << "and after it";
  EXPECT_EQ(kind_of("q"), std::nullopt);
}

TEST_F(Schedule, each_attempt_waits_twice_as_long_up_to_a_limit) {
  run("q");
  int64_t now_ms = 0;
  std::vector<int64_t> waited;
  for (int i = 0; i < 6; ++i) {
    schedule_.start_failed("q", kReadFailed, now_ms);
    waited.push_back(*schedule_.next_due_ms() - now_ms);
    now_ms = *schedule_.next_due_ms();
    ASSERT_EQ(due(now_ms), Ids{"q"});
  }
  EXPECT_EQ(waited, (std::vector<int64_t>{100, 200, 400, 800, 1'000, 1'000}));
}

TEST_F(Schedule, a_run_that_has_made_progress_resets_the_pace) {
  uint64_t number = run("q");
  for (const int64_t now_ms : {0, 10'000, 20'000}) {
    fails("q", number, kReadFailed, now_ms);
    due(now_ms + 9'000);
    number = last_.run;
    schedule_.started("q");
  }
  fails("q", number, kReadFailed, 30'000, false, true);
  EXPECT_EQ(schedule_.next_due_ms(), 30'100);
}

TEST_F(Schedule, a_bad_record_is_isolated_at_once_and_then_the_query_stops) {
  const uint64_t number = run("q");
  fails("q", number, kBadRecord, 0);
  EXPECT_EQ(due(0), Ids{"q"});
  EXPECT_EQ(last_.mode, RunMode::Isolating);
  schedule_.started("q");
  EXPECT_TRUE(fails("q", last_.run, kBadRecord, 0, true));
  EXPECT_EQ(kind_of("q"), Kind::Stopped);
  EXPECT_EQ(schedule_.next_due_ms(), std::nullopt);
}

TEST_F(Schedule, a_full_disk_parks_queries_until_there_is_room) {
  const Ids all{"a", "b", "c"};
  for (const std::string& id : all) fails(id, run(id), kDiskFull, 0);
  EXPECT_EQ(kind_of("b"), Kind::Parked);
  EXPECT_TRUE(schedule_.has_parked());
  EXPECT_EQ(schedule_.next_due_ms(), std::nullopt) << "nothing is attempted meanwhile";
  schedule_.room_is_back(60'000);
  EXPECT_FALSE(schedule_.has_parked());
  EXPECT_EQ(due(60'000), all);
}

TEST_F(Schedule, room_that_is_not_enough_does_not_make_a_query_spin) {
  run("q");
  schedule_.start_failed("q", kDiskFull, 0);
  schedule_.room_is_back(0);
  EXPECT_EQ(due(0), Ids{"q"});
  schedule_.start_failed("q", kDiskFull, 0);
  schedule_.room_is_back(0);
  EXPECT_EQ(schedule_.next_due_ms(), 200);
}

TEST_F(Schedule, damage_stops_a_query_at_once_and_no_record_is_blamed) {
  EXPECT_TRUE(fails("q", run("q"), {ErrorCode::DataCorrupted, "a damaged page"}, 0));
  EXPECT_EQ(kind_of("q"), Kind::Stopped);
  EXPECT_TRUE(due(1'000'000).empty());
}

TEST_F(Schedule, a_bad_record_of_another_task_does_not_restart_a_damaged_query) {
  const uint64_t number = run("q");
  EXPECT_TRUE(fails("q", number, {ErrorCode::DataCorrupted, "a damaged page"}, 0));
  EXPECT_FALSE(fails("q", number, kBadRecord, 1));
  EXPECT_EQ(kind_of("q"), Kind::Stopped);
  EXPECT_TRUE(due(1'000'000).empty());
  EXPECT_EQ(schedule_.trouble_of("q")->error.message, "a damaged page");
}

TEST_F(Schedule, a_lost_topic_stops_a_query_until_it_is_resumed) {
  run("q");
  schedule_.stop("q", {ErrorCode::UnknownTopic, "topic was deleted"});
  EXPECT_EQ(schedule_.next_due_ms(), std::nullopt);
  EXPECT_EQ(schedule_.trouble_of("q")->error.message, "topic was deleted");
  schedule_.retry_now("q", 5);
  EXPECT_EQ(due(5), Ids{"q"});
}

TEST_F(Schedule, resuming_a_running_query_changes_nothing) {
  run("q");
  schedule_.retry_now("q", 5);
  EXPECT_EQ(due(5), Ids{});
}

TEST_F(Schedule, a_query_that_was_dropped_is_not_attempted) {
  fails("q", run("q"), kReadFailed, 0);
  schedule_.forget("q");
  EXPECT_EQ(schedule_.next_due_ms(), std::nullopt);
  EXPECT_EQ(due(1'000'000), Ids{});
}

TEST_F(Schedule, a_task_that_fails_before_its_query_has_started_counts) {
  const RestartSchedule::Attempt attempt = schedule_.begin_run("q");
  EXPECT_TRUE(fails("q", attempt.run, kReadFailed, 0));
  schedule_.started("q");
  EXPECT_EQ(kind_of("q"), Kind::Waiting);
}
