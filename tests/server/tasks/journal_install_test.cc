// Tests that another node has the contents of a journal's snapshot after installing it, and that its tasks
// continue from there.
#include "server/tasks/journal_install.h"

#include <gtest/gtest.h>

#include <future>

#include "records/batch_builder.h"
#include "server/tasks/journal_tail.h"
#include "storage/kv/memory_store.h"
#include "storage/log/apply_replicated_commits.h"
#include "storage/log/task_journal.h"
#include "storage/log/task_outputs.h"
#include "storage/state/state_reader.h"

using namespace server;

namespace {

constexpr const char* kTask = "q/0/0";
const storage::TopicPartition kExchange{Uuid{{7}}, PartitionId{1}};
const ProducerId kProducer = storage::kFirstTaskProducer + 1'000;

template <class Answer>
Answer wait_for(const std::function<void(std::function<void(Answer)>)>& begin) {
  std::promise<Answer> done;
  begin([&](Answer answer) { done.set_value(std::move(answer)); });
  return done.get_future().get();
}

class ANode {
 public:
  ANode() {
    log = storage::Log::open(log_disk_.open(), {}).value();
    state = storage::StateStore::open([this] { return state_disk_.open(); }, {}).value();
    lane_ = std::make_shared<CheckpointLane>(*state, *log, clock_, CheckpointPolicy{});
    shard = Shard::make(0, *log, subscriptions_, shared_records_, memory_, clock_,
                        [](const ShardTask&) {})
                .value();
    for (PartitionId journal{0}; journal < PartitionId{storage::kJournalPartitions}; ++journal)
      shard->own(journal, std::make_unique<JournalCheckpoints>(journal, lane_));
    shard->start_thread();
  }
  ~ANode() {
    shard->stop_thread();
    log->close();
    shard.reset();
  }
  // Applies commits of the task. Each has sent a batch of `records` records to the exchange, and has
  // trimmed the exchange to `trim`.
  Status apply_replicated_commits(TaskEpoch epoch, int64_t from, int64_t end, int records = 1,
                                  Offset trim = Offset{2}) {
    std::vector<storage::TaskCommit> commits;
    for (int64_t i = from; i < end; ++i) {
      records::BatchBuilder batch;
      for (int n = 0; n < records; ++n) batch.append(1, "k", std::to_string(i));
      storage::TaskCommit& commit = commits.emplace_back();
      commit.task = kTask;
      commit.epoch = epoch;
      commit.sequence = TaskSequence{i};
      commit.journal = storage::journal_batch(kTask, TaskSequence{i}, "entry " + std::to_string(i));
      commit.outputs.push_back(
          {kExchange,
           batch.finish(records::Codec::None, {kProducer, 0, static_cast<int32_t>(i - 1)})});
      commit.trims.push_back({kExchange, trim});
    }
    return wait_for<Status>([&](std::function<void(Status)> done) {
      storage::apply_replicated_commits(
          *log, std::move(commits), [](storage::WriteTransaction&) -> Status { return {}; },
          [done](const Result<storage::CarriedOut>& result) {
            done(result ? Status() : Status(result.error()));
          });
    });
  }
  std::map<std::string, std::string> entries() {
    std::map<std::string, std::string> found;
    const auto visit = [&](std::string_view store, std::string_view key,
                           std::string_view value) -> Status {
      found[std::string(store) + "/" + std::string(key)] = value;
      return {};
    };
    EXPECT_TRUE(state->load_all(kTask, visit));
    return found;
  }
  std::vector<std::string> journal() {
    std::vector<std::string> entries;
    const auto reader = storage::JournalReader::open(*log, storage::journal_of(kTask)).value();
    EXPECT_TRUE(reader->read(Offset{0}, [&](const storage::JournalRecord& record) -> Status {
      entries.push_back(std::to_string(record.sequence.value()) + ":" + std::string(record.entry));
      return {};
    }));
    return entries;
  }

  storage::MemoryDisk log_disk_, state_disk_;
  SystemClock clock_;
  MemoryBudget memory_{1 << 30, 1 << 30};
  Subscriptions subscriptions_;
  engine::SharedRecords shared_records_{1 << 20};
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<storage::StateStore> state;
  std::shared_ptr<CheckpointLane> lane_;
  std::unique_ptr<Shard> shard;
};

class JournalInstallTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(storage::create_partitions_and_wait(*from_.log, kExchange.topic, 2,
                                                    storage::PartitionKind::Internal));
    const auto begun = storage::begin_task_and_wait(*from_.log, kTask).value();
    ASSERT_TRUE(from_.apply_replicated_commits(begun.epoch, 1, 6));
  }
  // Writes a checkpoint of the first three commits, the last two commits, and the exchange.
  void write(JournalContent& to) {
    ASSERT_TRUE(to.query("q", Revision{8}));  // the query was replaced
    ASSERT_TRUE(to.query("dropped", Revision{6}));
    ASSERT_TRUE(to.task("dropped/0/0", {TaskSequence{9}, "nobody's"}));
    ASSERT_TRUE(to.store("0000"));
    ASSERT_TRUE(to.entry("k", "nobody's"));
    ASSERT_TRUE(to.task(kTask, {TaskSequence{3}, "scalars"}));
    for (const char* store : {"0000", "0001"}) {
      ASSERT_TRUE(to.store(store));
      for (int i = 0; i < 40'000; ++i)
        ASSERT_TRUE(to.entry("key " + std::to_string(i), store + std::to_string(i)));
    }
    ASSERT_TRUE(to.commit(kTask, TaskSequence{4}, "entry 4"));
    ASSERT_TRUE(to.commit("dropped/0/0", TaskSequence{10}, "nobody's"));
    ASSERT_TRUE(to.commit(kTask, TaskSequence{5}, "entry 5"));
    const std::vector<storage::TopicPartition> exchanges{{kExchange.topic, PartitionId{0}},
                                                         kExchange};
    const auto snapshot = storage::PartitionSnapshot::open(*from_.log, exchanges).value();
    ASSERT_EQ(snapshot->heads().size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_TRUE(to.partition(snapshot->heads()[i]));
      ASSERT_TRUE(snapshot->read(i, [&](std::string_view batch) { return to.batch(batch); }));
    }
  }
  std::vector<std::string> pieces() {
    std::vector<std::string> written;
    JournalContentWriter writer([&](std::string piece) -> Status {
      written.push_back(std::move(piece));
      return {};
    });
    write(writer);
    written.push_back(writer.finish());
    return written;
  }
  Status install(const std::vector<std::string>& pieces) {
    JournalInstall install(
        {*to_.log, *to_.state, [this](const std::string&) -> Shard& { return *to_.shard; },
         must_stop_},
        {{"q", {Revision{5}, {kExchange.topic}}}, {"dropped", {Revision{7}, {}}}});
    for (const std::string& piece : pieces) TRY(read_journal_content(piece, install));
    return install.finish();
  }

  ANode from_, to_;
  std::atomic<bool> must_stop_ = false;
};

TEST_F(JournalInstallTest, everything_is_installed_and_the_next_commit_follows) {
  const auto written = pieces();
  EXPECT_GT(written.size(), 5u);
  for (const std::string& piece : written) EXPECT_LT(piece.size(), 300u << 10);
  ASSERT_TRUE(install(written));
  const auto entries = to_.entries();
  EXPECT_EQ(entries.size(), 80'000u);
  EXPECT_EQ(entries.at("0001/key 39999"), "000139999");
  EXPECT_EQ(to_.state->position_of(kTask)->position, TaskSequence{3});
  EXPECT_EQ(to_.state->position_of(kTask)->scalars, "scalars");
  EXPECT_EQ(to_.journal(), (std::vector<std::string>{"4:entry 4", "5:entry 5"}));
  EXPECT_EQ(to_.state->task_ids().value(), std::vector<std::string>{kTask});
  const auto exchange = to_.log->find_partition(kExchange);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->log_start(), Offset{2});
  EXPECT_EQ(exchange->log_end(), Offset{5});
  EXPECT_EQ(exchange->high_watermark(), Offset{5});
  EXPECT_EQ(to_.log->find_partition({kExchange.topic, PartitionId{0}})->log_end(), Offset{0});
  // The installed producer state contains the batches before the snapshot. So the batch with the next sequence number
  // (6) is accepted, and one after a gap (7) is refused.
  const auto begun = storage::begin_task_and_wait(*to_.log, kTask).value();
  EXPECT_EQ(to_.apply_replicated_commits(begun.epoch, 7, 8).error().code,
            ErrorCode::OutOfOrderSequence);
  ASSERT_TRUE(to_.apply_replicated_commits(begun.epoch, 6, 8));
  EXPECT_EQ(to_.log->find_partition(kExchange)->log_end(), Offset{7});
}

TEST_F(JournalInstallTest, installed_contents_are_written_into_the_next_snapshot) {
  ASSERT_TRUE(install(pieces()));
  const std::vector<storage::TopicPartition> exchanges{kExchange};
  const auto there = storage::PartitionSnapshot::open(*from_.log, exchanges).value();
  const auto here = storage::PartitionSnapshot::open(*to_.log, exchanges).value();
  EXPECT_EQ(here->heads()[0].producers, there->heads()[0].producers);
  EXPECT_GT(here->heads()[0].epoch, there->heads()[0].epoch);
  ANode third;
  std::atomic<bool> must_stop = false;
  JournalInstall again({*third.log, *third.state,
                        [&](const std::string&) -> Shard& { return *third.shard; }, must_stop},
                       {{"q", {Revision{5}, {kExchange.topic}}}});
  ASSERT_TRUE(again.query("q", Revision{5}));
  ASSERT_TRUE(again.partition(here->heads()[0]));
  ASSERT_TRUE(here->read(0, [&](std::string_view batch) { return again.batch(batch); }));
  const Status done = again.finish();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(third.log->find_partition(kExchange)->log_end(), Offset{5});
}

TEST_F(JournalInstallTest, an_exchange_whose_start_lies_within_a_batch_is_installed) {
  const auto begun = storage::begin_task_and_wait(*from_.log, kTask).value();
  // The first batch has the offsets 5, 6 and 7. The task has read it up to offset 6.
  ASSERT_TRUE(from_.apply_replicated_commits(begun.epoch, 6, 7, 3, Offset{7}));
  ASSERT_EQ(from_.log->find_partition(kExchange)->log_start(), Offset{7});
  const std::vector<storage::TopicPartition> exchanges{kExchange};
  const auto snapshot = storage::PartitionSnapshot::open(*from_.log, exchanges).value();
  EXPECT_EQ(snapshot->heads()[0].start, Offset{5});
  const Status done = install(pieces());
  ASSERT_TRUE(done) << done.error().message;
  const auto exchange = to_.log->find_partition(kExchange);
  EXPECT_EQ(exchange->log_start(), Offset{5});
  EXPECT_EQ(exchange->log_end(), Offset{8});
}

TEST_F(JournalInstallTest, an_exchange_that_is_cut_off_is_refused) {
  auto written = pieces();
  written.back().resize(written.back().size() - 10);
  const Status done = install(written);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::CorruptRecord);
}

TEST_F(JournalInstallTest, it_gives_up_when_the_server_stops) {
  must_stop_ = true;
  EXPECT_EQ(install(pieces()).error().code, ErrorCode::ShuttingDown);
}

}  // namespace
