#include "storage/log/log.h"

#include <future>
#include <mutex>
#include <thread>

#include "storage/kv/memory_store.h"
#include "storage/log/log_core.h"
#include "storage/log/log_statistics.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

class LogTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    options_.map_size_bytes = 256 << 20;
    auto opened = Log::open(directory_.path(), options_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = *std::move(opened);
  }
  void reopen() {
    log_.reset();
    open();
  }
  TopicPartition make_partition() {
    const Uuid topic = Uuid::random();
    EXPECT_TRUE(create_partitions_and_wait(*log_, topic, 1));
    return {topic, PartitionId{0}};
  }
  Offset append(const TopicPartition& partition, std::string batch) {
    const auto appended = append_and_wait(*log_, append_of(partition, std::move(batch)));
    EXPECT_TRUE(appended) << appended.error().message;
    return appended->at(0).base_offset;
  }

  TableHandle table_of(const TopicPartition& partition) {
    return (*log_->core().partitions()->find(partition))->table();
  }

  ScratchDirectory directory_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
};

TEST_F(LogTest, offsets_count_records_from_zero) {
  const TopicPartition partition = make_partition();
  EXPECT_EQ(append(partition, batch_of("a", 3)), Offset{0});
  EXPECT_EQ(append(partition, batch_of("b", 2)), Offset{3});
  EXPECT_EQ(read_values(*log_, partition), (Values{"a0", "a1", "a2", "b0", "b1"}));
  const auto status = log_->find_partition(partition);
  EXPECT_EQ(status->log_start(), Offset{0});
  EXPECT_EQ(status->log_end(), Offset{5});
  EXPECT_EQ(status->readable_end(), Offset{5});
}

TEST_F(LogTest, counts_its_commits_and_waiting_requests) {
  const TopicPartition partition = make_partition();
  const LogStatistics before = statistics_of(*log_);
  for (int i = 0; i < 5; ++i) append(partition, batch_of("a"));
  const LogStatistics after = statistics_of(*log_);
  EXPECT_EQ(after.commits, before.commits + 5);
  EXPECT_GT(after.commits_per_second, 0);
  EXPECT_EQ(after.queued_requests, 0u);
  EXPECT_EQ(after.queued_bytes, 0u);
}

TEST_F(LogTest, a_closed_log_is_read_but_not_written) {
  const TopicPartition partition = make_partition();
  append(partition, batch_of("a", 1));
  log_->close();
  const auto refused = append_and_wait(*log_, append_of(partition, batch_of("b", 1)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ShuttingDown);
  EXPECT_EQ(read_values(*log_, partition), (Values{"a0"}));
}

TEST_F(LogTest, everything_survives_reopening) {
  const TopicPartition first = make_partition(), second = make_partition();
  append(first, batch_of("a", 3));
  append(second, batch_of("x", 1));
  reopen();
  EXPECT_EQ(read_values(*log_, first), (Values{"a0", "a1", "a2"}));
  EXPECT_EQ(log_->find_partition(second)->log_end(), Offset{1});
  EXPECT_EQ(append(first, batch_of("b", 1)), Offset{3});
}

TEST_F(LogTest, a_request_may_hold_several_batches_and_partitions) {
  const TopicPartition first = make_partition(), second = make_partition();
  AppendRequest request = append_of(first, batch_of("a", 2) + batch_of("b", 2));
  request.parts.push_back({second, batch_of("c", 1)});
  const auto appended = append_and_wait(*log_, std::move(request));
  ASSERT_TRUE(appended);
  EXPECT_EQ(*appended, (std::vector<AppendedBatch>{{first, Offset{0}, Offset{1}},
                                                   {first, Offset{2}, Offset{3}},
                                                   {second, Offset{0}, Offset{0}}}));
}

TEST_F(LogTest, an_answer_names_its_commit_and_a_turn_the_last_that_it_sees) {
  const TopicPartition partition = make_partition();
  const auto commit_of_append = [&] {
    return wait_for<Result<Appended>>([&](AppendDone done) {
             AppendRequest request = append_of(partition, batch_of("a"));
             ASSERT_TRUE(log_->try_append(request, done));
           })
        .value()
        .commit;
  };
  const auto reader = LogReader::open(*log_).value();
  const CommitId first = commit_of_append();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->commit_id(), first);
  const CommitId second = commit_of_append();
  EXPECT_GT(second, first);
  EXPECT_EQ(reader->commit_id(), first) << "a turn has one snapshot";
  EXPECT_EQ(reader->readable_end(partition).value(), Offset{1});
  reader->end_turn();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->commit_id(), second);
  EXPECT_EQ(reader->readable_end(partition).value(), Offset{2});
  reader->end_turn();
}

TEST_F(LogTest, commits_are_numbered_on_after_a_restart) {
  const TopicPartition partition = make_partition();
  append(partition, batch_of("a"));
  const auto last_commit = [&] {
    const auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    return reader->commit_id();
  };
  const CommitId before = last_commit();
  reopen();
  EXPECT_GE(last_commit(), before);
}

TEST_F(LogTest, a_request_with_one_unknown_partition_appends_nothing) {
  const TopicPartition partition = make_partition();
  AppendRequest request = append_of(partition, batch_of("a"));
  request.parts.push_back({{Uuid::random(), PartitionId{0}}, batch_of("b")});
  const auto refused = append_and_wait(*log_, std::move(request));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::UnknownTopic);
  EXPECT_EQ(read_values(*log_, partition), Values{});
}

TEST_F(LogTest, four_threads_append_and_every_record_is_stored_once_in_order) {
  const std::vector<TopicPartition> partitions = {make_partition(), make_partition()};
  constexpr int kRounds = 50;
  std::vector<std::thread> producers;
  for (int producer = 0; producer < 4; ++producer) {
    producers.emplace_back([&, producer] {
      for (int round = 0; round < kRounds; ++round)
        append(partitions[producer % 2],
               batch_of(std::to_string(producer) + "/" + std::to_string(round) + "/", 2));
    });
  }
  for (std::thread& producer : producers) producer.join();
  reopen();
  for (int which = 0; which < 2; ++which) {
    const Values values = read_values(*log_, partitions[which]);
    EXPECT_EQ(values.size(), 2u * 2 * kRounds);
    for (const int producer : {which, which + 2}) {
      Values expected, found;
      const std::string mine = std::to_string(producer) + "/";
      for (int round = 0; round < kRounds; ++round)
        for (const char* index : {"0", "1"})
          expected.push_back(mine + std::to_string(round) + "/" + index);
      for (const std::string& value : values)
        if (value.starts_with(mine)) found.push_back(value);
      EXPECT_EQ(found, expected);
    }
  }
}

TEST_F(LogTest, reading_begins_with_the_batch_that_holds_the_offset) {
  const TopicPartition partition = make_partition();
  append(partition, batch_of("a", 5));
  append(partition, batch_of("b", 5));
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  const auto batches = reader->read(partition, Offset{3}, 1);
  ASSERT_TRUE(batches);
  ASSERT_EQ(batches->size(), 1u);
  EXPECT_EQ(batches->front().base_offset, Offset{0});
  EXPECT_EQ(batches->front().last_offset, Offset{4});
  EXPECT_EQ(reader->read(partition, Offset{5}, 100'000)->size(), 1u);
  EXPECT_TRUE(reader->read(partition, Offset{10}, 1)->empty());
  EXPECT_EQ(reader->read(partition, Offset{11}, 1).error().code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(reader->read({Uuid::random(), PartitionId{0}}, Offset{0}, 1).error().code,
            ErrorCode::UnknownTopic);
  reader->end_turn();
}

TEST_F(LogTest, a_turn_sees_one_moment) {
  const TopicPartition partition = make_partition();
  append(partition, batch_of("a"));
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  append(partition, batch_of("b"));
  EXPECT_EQ(reader->readable_end(partition).value(), Offset{1});
  reader->end_turn();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->readable_end(partition).value(), Offset{2});
  reader->end_turn();
}

TEST_F(LogTest, an_offset_is_found_by_time) {
  const TopicPartition partition = make_partition();
  append(partition, batch_of("a", 3, 100));
  append(partition, batch_of("b", 3, 200));
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(offset_for_time(*reader, partition, 0).value(), Offset{0});
  EXPECT_EQ(offset_for_time(*reader, partition, 102).value(), Offset{2});
  EXPECT_EQ(offset_for_time(*reader, partition, 103).value(), Offset{3});
  EXPECT_EQ(offset_for_time(*reader, partition, 500).value(), Offset{6});
  const auto batch = reader->batch_for_time(partition, 0, Offset{1}).value();
  EXPECT_EQ(find_by_time(*batch, 0, Offset{1}).value()->offset, Offset{1});
  EXPECT_EQ(find_by_time(*batch, 0, Offset{1}).value()->timestamp, 101);
  EXPECT_FALSE(find_by_time(*batch, 103, Offset{0}).value());
  reader->end_turn();
}

TEST_F(LogTest, a_dropped_topic_is_gone_and_its_handle_is_never_anothers) {
  const TopicPartition dropped = make_partition();
  append(dropped, batch_of("secret"));
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  const auto before = reader->read(dropped, Offset{0}, 1);
  const TableHandle old_table = table_of(dropped);
  std::promise<Status> done;
  log_->drop_topic(dropped.topic, [&](Status status) { done.set_value(status); });
  ASSERT_TRUE(done.get_future().get());

  // While the reader's turn lasts, its bytes remain valid and no new table gets the handle.
  EXPECT_EQ(values_in(before->at(0).bytes), Values{"secret0"});
  EXPECT_EQ(reader->read(dropped, Offset{0}, 1).error().code, ErrorCode::UnknownTopic);
  const TopicPartition fresh = make_partition();
  EXPECT_NE(table_of(fresh), old_table);
  append(fresh, batch_of("fresh"));
  reader->end_turn();
  append(fresh, batch_of("more"));
  wait_until_removed(*log_);  // no reader's turn needs the old table, so it is removed
  const TopicPartition another = make_partition();
  // LMDB has reused the number of the table; this test needs such a number
  EXPECT_EQ(table_of(another), old_table);
  append(another, batch_of("another"));

  EXPECT_EQ(read_values(*log_, fresh), (Values{"fresh0", "more0"}));
  EXPECT_EQ(read_values(*log_, another), (Values{"another0"}));
  EXPECT_EQ(log_->find_partition(dropped), nullptr);
  EXPECT_EQ(append_and_wait(*log_, append_of(dropped, batch_of("x"))).error().code,
            ErrorCode::UnknownTopic);
  reader.reset();
  reopen();
  EXPECT_EQ(log_->partitions().size(), 2u);
  EXPECT_EQ(read_values(*log_, fresh), (Values{"fresh0", "more0"}));
}

TEST_F(LogTest, partitions_can_be_added_to_a_topic) {
  const TopicPartition first = make_partition();
  append(first, batch_of("a"));
  ASSERT_TRUE(create_partitions_and_wait(*log_, first.topic, 3));
  EXPECT_EQ(append({first.topic, PartitionId{2}}, batch_of("b")), Offset{0});
  EXPECT_EQ(read_values(*log_, first), Values{"a0"});
}

// Each partition opens a table. A client that creates thousands of partitions must not delay other
// clients.
TEST_F(LogTest, appends_go_in_between_while_many_partitions_are_made_or_dropped) {
  const TopicPartition mine = make_partition();
  const Uuid many = Uuid::random();
  std::vector<std::string> order;  // written only by the writer's thread
  const auto answered_while = [&](auto begin) {
    order.clear();
    std::promise<void> all;
    begin([&](const Status& status) {
      order.push_back(status ? "many" : status.error().message);
      all.set_value();
    });
    AppendRequest request = append_of(mine, batch_of("a"));
    AppendDone done = [&](const auto&) { order.push_back("append"); };
    EXPECT_TRUE(log_->try_append(request, done));
    all.get_future().wait();
    return order;
  };
  EXPECT_EQ(answered_while([&](auto done) { log_->create_partitions(many, 700, done); }),
            (std::vector<std::string>{"append", "many"}));
  EXPECT_EQ(log_->partitions().size(), 701u);
  EXPECT_EQ(append({many, PartitionId{699}}, batch_of("b")), Offset{0});
  EXPECT_EQ(answered_while([&](auto done) { log_->drop_topic(many, done); }),
            (std::vector<std::string>{"append", "many"}));
  EXPECT_EQ(log_->partitions().size(), 1u);
}

TEST_F(LogTest, partitions_that_do_not_all_fit_are_not_begun) {
  LogOptions options;
  options.max_partitions = 200;
  MemoryDisk disk;
  const auto log = Log::open(disk.open(), options).value();
  EXPECT_EQ(create_partitions_and_wait(*log, Uuid::random(), 201).error().code,
            ErrorCode::LimitExceeded);
  EXPECT_TRUE(log->partitions().empty());
  EXPECT_TRUE(create_partitions_and_wait(*log, Uuid::random(), 190));
  EXPECT_EQ(create_partitions_and_wait(*log, Uuid::random(), 11).error().message,
            "too many partitions for one data directory: 11 were requested, and 10 more are "
            "possible");
  EXPECT_EQ(statistics_of(*log).topic_partitions, 190u);
  EXPECT_EQ(statistics_of(*log).max_topic_partitions, 200u);
  EXPECT_TRUE(create_partitions_and_wait(*log, Uuid::random(), 10));
}

// A crash in the middle of a creation or removal leaves a part of the topic without gaps, so that the creation or
// removal can be completed.
TEST_F(LogTest, a_part_of_a_topic_is_taken_up_again) {
  const Uuid topic = Uuid::random();
  for (const bool is_dropping : {false, true}) {
    if (is_dropping) {
      ASSERT_TRUE(create_partitions_and_wait(*log_, topic, 300));
    }
    std::promise<void> answered;
    const auto done = [&](const Status&) { answered.set_value(); };
    is_dropping ? log_->drop_topic(topic, done) : log_->create_partitions(topic, 300, done);
    log_->close();  // refuses the remaining slices
    answered.get_future().wait();
    reopen();
    ASSERT_TRUE(create_partitions_and_wait(*log_, topic, 300));
    EXPECT_EQ(log_->partitions().size(), 300u);
    std::promise<Status> dropped;
    log_->drop_topic(topic, [&](Status status) { dropped.set_value(std::move(status)); });
    ASSERT_TRUE(dropped.get_future().get());
    EXPECT_TRUE(log_->partitions().empty());
  }
}

TEST_F(LogTest, an_idempotent_producer_appends_each_batch_once) {
  const TopicPartition partition = make_partition();
  const auto batch = [](int32_t sequence) {
    records::BatchBuilder builder;
    builder.append(1, "k", "s" + std::to_string(sequence));
    return builder.finish(records::Codec::None, {ProducerId{9}, 0, sequence});
  };
  EXPECT_EQ(append(partition, batch(0)), Offset{0});
  EXPECT_EQ(append(partition, batch(1) + batch(2)), Offset{1});
  // a retry gets the same answer and appends nothing
  EXPECT_EQ(append(partition, batch(1)), Offset{1});
  reopen();
  EXPECT_EQ(append(partition, batch(2)), Offset{2});
  const auto gap = append_and_wait(*log_, append_of(partition, batch(5)));
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(read_values(*log_, partition), (Values{"s0", "s1", "s2"}));
}

TEST_F(LogTest, a_full_queue_refuses_and_notifies_when_it_has_space) {
  options_.queue_limit_bytes = 1000;
  std::promise<void> held, go;
  const auto gone = go.get_future().share();
  options_.on_durable = [&, is_first = true](auto) mutable {
    if (std::exchange(is_first, false)) held.set_value();
    gone.wait();
  };
  reopen();
  const TopicPartition partition = make_partition();
  const std::string large = batch_of(std::string(800, 'x'));

  std::atomic<int> answered = 0;
  int taken = 0;
  const auto try_one = [&] {
    AppendRequest request = append_of(partition, large);
    AppendDone done = [&](auto result) { answered += result.has_value(); };
    const bool is_taken = log_->try_append(request, done);
    taken += is_taken;
    EXPECT_EQ(request.parts.empty(), is_taken);  // a refused request still belongs to the caller
    return is_taken;
  };
  ASSERT_TRUE(try_one());
  held.get_future().wait();  // the writer has taken the first one from the queue, and waits
  EXPECT_TRUE(try_one());
  EXPECT_FALSE(try_one());
  std::promise<void> room;
  log_->when_room([&] { room.set_value(); });
  go.set_value();
  room.get_future().wait();
  EXPECT_TRUE(try_one());
  log_.reset();  // finishes the accepted requests
  EXPECT_EQ(answered, taken);
}

TEST_F(LogTest, rules_for_requests_are_checked) {
  const std::string good = batch_of("a", 3);
  EXPECT_TRUE(check_for_append(good + good));
  EXPECT_FALSE(check_for_append(""));
  EXPECT_FALSE(check_for_append(good + "x"));
  std::string damaged = good;
  damaged.back() ^= 1;
  EXPECT_EQ(check_for_append(damaged).error().code, ErrorCode::CorruptRecord);
  for (const auto& [id, epoch] : {std::pair{-2, 0}, {-7, -1}, {3, -1}}) {
    std::string stamped = good;
    records::set_producer(stamped, {ProducerId{id}, static_cast<int16_t>(epoch), 0});
    EXPECT_EQ(check_for_append(stamped).error().code, ErrorCode::CorruptRecord) << id;
  }
}

}  // namespace
}  // namespace storage
