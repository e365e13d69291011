// Compares random histories of one replica with lists in memory: its records, its visible end, its acknowledgements,
// and its answers about epochs and producers. MILLRACE_MODEL_STEPS makes the history longer, MILLRACE_MODEL_SEED
// selects another one.
#include <cstdlib>
#include <future>

#include "base/random.h"
#include "storage/kv/memory_store.h"
#include "storage/log/replica_log.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct ModelBatch {
  int64_t base, end;
  int epoch;
  int64_t producer;  // -1: none
  int sequence;
  std::string text;
  bool operator==(const ModelBatch&) const = default;
};

// The expected state of the replica.
struct Model {
  std::vector<ModelBatch> batches;
  int64_t log_start = 0, log_end = 0, high_watermark = 0;
  ReplicaRole role = ReplicaRole::Alone;
  int epoch = 0;
  std::vector<std::pair<int, int64_t>> epochs;  // epochs with their first offsets
  // All batches that each producer has appended, including trimmed batches.
  std::array<std::vector<ModelBatch>, 5> produced;

  void begin_epoch(int begun, int64_t start) {
    if (begun <= (epochs.empty() ? 0 : epochs.back().first)) return;
    cut_epochs(start);
    epochs.emplace_back(begun, start);
  }
  void cut_epochs(int64_t end) {
    while (!epochs.empty() && epochs.back().second >= end) epochs.pop_back();
  }
  void cut_newer_epochs(int than) {
    while (!epochs.empty() && epochs.back().first > than && epochs.back().second >= log_end)
      epochs.pop_back();
  }
  int last_written_epoch() const {
    for (auto begun = epochs.rbegin(); begun != epochs.rend(); ++begun)
      if (begun->second < log_end) return begun->first;
    return 0;
  }
  EpochEnd end_of_epoch(int asked) const {
    if (asked < 0 || asked > epoch) return {};
    int found = 0;
    for (const auto& [begun, start] : epochs) {
      if (begun > asked) return {LeaderEpoch{found}, Offset{start}};
      found = begun;
    }
    return {LeaderEpoch{found}, Offset{log_end}};
  }
  void append(ModelBatch batch) {
    log_end = batch.end;
    if (batch.producer >= 0) produced[static_cast<size_t>(batch.producer)].push_back(batch);
    batches.push_back(std::move(batch));
    if (role == ReplicaRole::Alone) high_watermark = log_end;
  }
  void trim(int64_t start) {
    if (start <= log_start) return;
    log_start = start;
    std::erase_if(batches, [&](const ModelBatch& batch) { return batch.end <= start; });
    while (epoch > 0 && epochs.size() > 1 && epochs[1].second <= start)
      epochs.erase(epochs.begin());
  }
  void truncate(int64_t end) {
    if (end >= log_end) return;
    log_end = end;
    while (!batches.empty() && batches.back().end > end) {
      log_end = std::min(log_end, batches.back().base);
      batches.pop_back();
    }
    log_end = std::max(log_end, log_start);
    high_watermark = std::min(high_watermark, log_end);
    cut_epochs(log_end);
    for (auto& of_one : produced)
      while (!of_one.empty() && of_one.back().base >= log_end) of_one.pop_back();
  }
  const ModelBatch* last_of(int64_t producer) const {
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch)
      if (batch->producer == producer) return &*batch;
    return nullptr;
  }
};

class ReplicaModelTest : public testing::TestWithParam<PartitionKind> {
 protected:
  void SetUp() override {
    open();
    ASSERT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1, GetParam()));
  }
  void open() {
    replica_.reset();
    log_.reset();
    log_ = Log::open(disk_.open(), {}).value();
    replica_.emplace(*log_);
  }
  void step();
  void check_numbers();
  void check_contents();

  int64_t below(int64_t bound) {
    return bound <= 0 ? 0 : static_cast<int64_t>(random_.next() % static_cast<uint64_t>(bound));
  }
  bool one_in(int64_t n) { return below(n) == 0; }
  LeaderEpoch epoch() const { return LeaderEpoch{model_.epoch}; }

  std::pair<ModelBatch, std::string> make_batch(int64_t base, int batch_epoch) {
    const int count = 1 + static_cast<int>(below(4));
    const int64_t producer = below(6) - 1;
    ModelBatch model{base,     base + count, batch_epoch,
                     producer, -1,           "t" + std::to_string(++texts_) + "-"};
    std::string bytes = batch_of(model.text, count, 1'000 + texts_);
    if (producer >= 0) {
      model.sequence = next_sequence_of(producer);
      records::set_producer(bytes, {ProducerId{producer}, 0, model.sequence});
    }
    records::set_base_offset(bytes.data(), Offset{base});
    records::set_leader_epoch(bytes.data(), LeaderEpoch{batch_epoch});
    return {model, bytes};
  }
  int next_sequence_of(int64_t producer) const {
    const auto& of_one = model_.produced[static_cast<size_t>(producer)];
    if (of_one.empty()) return 0;
    return of_one.back().sequence + static_cast<int>(of_one.back().end - of_one.back().base);
  }

  Result<std::vector<AppendedBatch>> append_bytes(std::string bytes) {
    AppendRequest request = append_of(partition_, std::move(bytes));
    request.acks = Acks::Leader;
    return append_and_wait(*log_, std::move(request));
  }
  void append();
  void send_again();
  void append_and_wait_for_followers();
  void change_role();
  void follow();
  void truncate();
  void start_at();
  void restart();

  const TopicPartition partition_{Uuid::random(), PartitionId{0}};
  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
  std::optional<ReplicaLog> replica_;
  Model model_;
  Random random_{number_from("MILLRACE_MODEL_SEED", 1)};
  int64_t texts_ = 0;

  struct Waiting {
    int64_t end;
    std::future<Result<Appended>> answer;
  };
  std::vector<Waiting> waiting_;
  void check_waiting();
  void expect_all_refused(ErrorCode code);
};

void ReplicaModelTest::append() {
  auto [model, bytes] = make_batch(model_.log_end, model_.epoch);
  const auto appended = append_bytes(bytes);
  if (model_.role == ReplicaRole::Follower) {
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, ErrorCode::NotLeader);
    return;
  }
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(appended->at(0).base_offset, Offset{model.base});
  model_.append(model);
}

// Sends the last batch of a producer again, or one that leaves a gap in the sequence.
void ReplicaModelTest::send_again() {
  const ModelBatch* last = model_.last_of(below(5));
  if (!last || model_.role == ReplicaRole::Follower || last->base < model_.log_start) return;
  const bool is_gap = one_in(2);
  std::string bytes = batch_of(last->text, static_cast<int>(last->end - last->base));
  records::set_producer(bytes,
                        {ProducerId{last->producer}, 0, last->sequence + (is_gap ? 100 : 0)});
  const auto answer = append_bytes(bytes);
  if (is_gap) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::OutOfOrderSequence);
  } else {
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->at(0).base_offset, Offset{last->base});
  }
}

void ReplicaModelTest::append_and_wait_for_followers() {
  if (model_.role != ReplicaRole::Leader) return;
  auto [model, bytes] = make_batch(model_.log_end, model_.epoch);
  const auto answer = std::make_shared<std::promise<Result<Appended>>>();
  AppendRequest request = append_of(partition_, bytes);
  AppendDone done = [answer](auto result) { answer->set_value(std::move(result)); };
  ASSERT_TRUE(log_->try_append(request, done));
  // The submitted request follows the append in the writer's queue. It is answered when it is
  // durable; then the append is durable, too.
  ASSERT_TRUE(wait_for<Status>(
      [&](auto noted) { log_->submit([](WriteTransaction&) -> Status { return {}; }, noted); }));
  while (log_->find_partition(partition_)->log_end() < Offset{model.end}) std::this_thread::yield();
  model_.append(model);
  waiting_.push_back({model.end, answer->get_future()});
}

void ReplicaModelTest::check_waiting() {
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (waiting.end > model_.high_watermark) {
      EXPECT_EQ(waiting.answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
      return false;
    }
    EXPECT_TRUE(waiting.answer.get());
    return true;
  });
}

void ReplicaModelTest::expect_all_refused(ErrorCode code) {
  for (Waiting& waiting : waiting_) {
    const auto answer = waiting.answer.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code);
  }
  waiting_.clear();
}

void ReplicaModelTest::change_role() {
  const auto role = static_cast<ReplicaRole>(below(3));
  const int next = model_.epoch + static_cast<int>(below(4)) - 1;
  const Status changed = wait_for<Status>(
      [&](auto done) { replica_->set_role(partition_, role, LeaderEpoch{next}, done); });
  const bool is_same = next == model_.epoch && role == model_.role;
  const bool takes_leadership = next == model_.epoch && (role == ReplicaRole::Follower ||
                                                         model_.role == ReplicaRole::Follower);
  if (next < model_.epoch || (takes_leadership && !is_same)) {
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::FencedLeaderEpoch);
    return;
  }
  ASSERT_TRUE(changed) << changed.error().message;
  if (role != ReplicaRole::Follower) model_.begin_epoch(next, model_.log_end);
  model_.role = role;
  model_.epoch = next;
  if (role == ReplicaRole::Alone) model_.high_watermark = model_.log_end;
  if (role == ReplicaRole::Follower) expect_all_refused(ErrorCode::NotLeader);
}

void ReplicaModelTest::follow() {
  if (model_.role != ReplicaRole::Follower) return;
  const Model before = model_;
  std::string bytes;
  // If this node led an epoch without writing, that epoch may be newer than the batches that follow.
  int batch_epoch = one_in(2)               ? model_.last_written_epoch()
                    : model_.epochs.empty() ? 0
                                            : model_.epochs.back().first;
  for (int64_t count = below(4); count > 0; --count) {
    batch_epoch += static_cast<int>(below(model_.epoch - batch_epoch + 1));
    auto [model, encoded] = make_batch(model_.log_end + (one_in(20) ? 3 : 0), batch_epoch);
    model_.cut_newer_epochs(batch_epoch);
    model_.begin_epoch(batch_epoch, model.base);
    model_.append(model);
    bytes += encoded;
  }
  const int64_t high_watermark = below(model_.log_end + 3);
  const int64_t log_start = one_in(30) ? below(model_.log_end + 1) : 0;
  FollowRequest request{partition_, epoch(), bytes, Offset{high_watermark}, Offset{log_start}};
  const bool is_stale = one_in(20);
  if (is_stale) request.leader_epoch = LeaderEpoch{model_.epoch - 1};
  const auto followed = wait_for<Result<Appended>>(
      [&](AppendDone done) { ASSERT_TRUE(replica_->try_follow(request, done)); });
  if (is_stale) {
    ASSERT_FALSE(followed);
    EXPECT_EQ(followed.error().code, ErrorCode::FencedLeaderEpoch);
    model_ = before;
    return;
  }
  ASSERT_TRUE(followed) << followed.error().message;
  model_.high_watermark = std::max(model_.high_watermark, std::min(high_watermark, model_.log_end));
  model_.trim(std::min(log_start, model_.log_end));
}

void ReplicaModelTest::truncate() {
  if (model_.role != ReplicaRole::Follower) return;
  const int64_t room = model_.log_end - model_.log_start;
  const int64_t end =
      model_.log_end - below(one_in(10) ? room + 1 : std::min<int64_t>(room + 1, 12));
  const auto truncated = wait_for<Result<Offset>>(
      [&](auto done) { replica_->truncate(partition_, epoch(), Offset{end}, done); });
  model_.truncate(end);
  ASSERT_TRUE(truncated) << truncated.error().message;
  EXPECT_EQ(*truncated, Offset{model_.log_end});
}

void ReplicaModelTest::start_at() {
  if (model_.role != ReplicaRole::Follower || !one_in(10)) return;
  const int64_t start = model_.log_end + below(10);
  // The request is like one from a leader whose followers have all records, because start_at() needs a snapshot of
  // producers as of the high watermark.
  FollowRequest all{partition_, epoch(), "", Offset{model_.log_end}, Offset{model_.log_start}};
  ASSERT_TRUE(wait_for<Result<Appended>>(
      [&](AppendDone done) { ASSERT_TRUE(replica_->try_follow(all, done)); }));
  const std::string producers = replica_->producer_snapshot(partition_).value();
  ASSERT_TRUE(wait_for<Status>(
      [&](auto done) { replica_->start_at(partition_, epoch(), Offset{start}, producers, done); }));
  model_.batches.clear();
  model_.epochs.clear();
  model_.log_start = model_.log_end = model_.high_watermark = start;
}

void ReplicaModelTest::restart() {
  const bool is_power_cut = one_in(2);
  if (is_power_cut) disk_.drop_unsynced();
  open();
  expect_all_refused(ErrorCode::ShuttingDown);
  const Offset high_watermark = log_->find_partition(partition_)->high_watermark();
  EXPECT_LE(high_watermark, Offset{model_.high_watermark});
  // The high watermark on disk may be older than the last append, so the model continues from it.
  if (model_.role != ReplicaRole::Alone) model_.high_watermark = high_watermark.value();
}

void ReplicaModelTest::step() {
  switch (below(24)) {
    case 0:
      return change_role();
    case 1:
      return truncate();
    case 2:
      return start_at();
    case 3:
      return one_in(20) ? restart() : void();
    case 4:
    case 5:
      return send_again();
    case 6:
    case 7:
    case 8:
      return append_and_wait_for_followers();
    case 9:
    case 10: {
      const int64_t to = below(model_.log_end + 2);
      const int of = model_.epoch - (one_in(10) ? 1 : 0);
      const bool moves = model_.role != ReplicaRole::Alone && of == model_.epoch &&
                         std::min(to, model_.log_end) > model_.high_watermark;
      EXPECT_EQ(replica_->advance_high_watermark(partition_, LeaderEpoch{of}, Offset{to}), moves);
      if (moves) model_.high_watermark = std::min(to, model_.log_end);
      return;
    }
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16:
      return follow();
    default:
      return append();
  }
}

void ReplicaModelTest::check_numbers() {
  const auto status = log_->find_partition(partition_);
  ASSERT_EQ(status->log_start(), Offset{model_.log_start});
  ASSERT_EQ(status->log_end(), Offset{model_.log_end});
  ASSERT_EQ(status->high_watermark(), Offset{model_.high_watermark});
  ASSERT_EQ(status->role(), model_.role);
  ASSERT_EQ(status->leader_epoch(), epoch());
  check_waiting();
}

void ReplicaModelTest::check_contents() {
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  for (const ReadUpTo up_to : {ReadUpTo::LogEnd, ReadUpTo::HighWatermark}) {
    const auto read = reader->read(partition_, Offset{model_.log_start}, SIZE_MAX, up_to);
    ASSERT_TRUE(read) << read.error().message;
    std::vector<ModelBatch> expected;
    for (const ModelBatch& batch : model_.batches)
      if (up_to == ReadUpTo::LogEnd || batch.end <= model_.high_watermark)
        expected.push_back(batch);
    ASSERT_EQ(read->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto batch = records::parse_batch(read->at(i).bytes, records::BatchCheck::ShapeAndCrc);
      ASSERT_TRUE(batch);
      ASSERT_EQ(batch->header.base_offset, Offset{expected[i].base});
      ASSERT_EQ(batch->header.leader_epoch, LeaderEpoch{expected[i].epoch});
      ASSERT_EQ(values_in(batch->bytes).at(0), expected[i].text + "0");
    }
  }
  const auto last_epoch = replica_->last_epoch(partition_).value();
  if (model_.log_start < model_.log_end)
    ASSERT_EQ(last_epoch, LeaderEpoch{model_.last_written_epoch()});
  else
    ASSERT_EQ(last_epoch, std::nullopt);
  for (int asked = -1; asked <= model_.epoch + 1; ++asked)
    ASSERT_EQ(replica_->end_of_epoch(partition_, LeaderEpoch{asked}).value(),
              model_.end_of_epoch(asked))
        << asked;
}

TEST_P(ReplicaModelTest, a_replica_follows_its_history) {
  const uint64_t steps = number_from("MILLRACE_MODEL_STEPS", 20'000);
  for (uint64_t i = 0; i < steps; ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    step();
    check_numbers();
    if (i % 100 == 99) check_contents();
    // A long log takes long to compare.
    if (model_.batches.size() > 400 && model_.role == ReplicaRole::Follower) {
      FollowRequest request{partition_, epoch(), "", Offset{0}, Offset{model_.batches[300].base}};
      model_.trim(model_.batches[300].base);
      ASSERT_TRUE(wait_for<Result<Appended>>(
          [&](AppendDone done) { ASSERT_TRUE(replica_->try_follow(request, done)); }));
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ReplicaModelTest,
                         testing::Values(PartitionKind::Client, PartitionKind::Internal),
                         [](const auto& kind) {
                           return kind.param == PartitionKind::Client ? "topics" : "exchanges";
                         });

}  // namespace
}  // namespace storage
