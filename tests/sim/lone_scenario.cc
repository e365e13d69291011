#include "tests/sim/lone_scenario.h"

#include <fmt/format.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "storage/kv/memory_store.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/task_journal.h"
#include "tests/sim/chance.h"
#include "tests/sim/findings.h"
#include "tests/sim/sim_clock.h"

// Sources of this folder are compiled together, so the names of this file have a namespace of their own.
namespace sim::lone {

namespace {

using storage::TopicPartition;

constexpr int kSteps = 1'500, kStepsToHeal = 3'000;
constexpr size_t kCommitsOnWay = 3, kReadBytes = 300;
constexpr std::string_view kTask = "lone/0/0", kTable = "sim", kCheckpoint = "checkpoint";
const TopicPartition kInput{Uuid{{21}}, PartitionId{0}}, kOutput{Uuid{{22}}, PartitionId{0}};

// The state of the simulated task after a commit. The task copies its input to its output, and counts the records.
struct State {
  TaskSequence sequence{0};
  Offset position{0};
  int64_t count = 0;
  bool operator==(const State&) const = default;
};

std::string encode(const State& state) {
  std::string entry;
  append_be(entry, state.sequence.value());
  append_be(entry, state.position.value());
  append_be(entry, state.count);
  return entry;
}

State decode(std::string_view entry) {
  ByteReader in(entry);
  State state;
  state.sequence = TaskSequence{in.be<int64_t>()};
  state.position = Offset{in.be<int64_t>()};
  state.count = in.be<int64_t>();
  return state;
}

class LoneScenario {
 public:
  LoneScenario(uint64_t seed, const LoneRules& rules, bool is_verbose)
      : chance_(seed),
        rules_(rules),
        findings_(queue_, is_verbose),
        clock_(queue_),
        keeps_a_reserve_(chance_.one_in(2)) {}
  ~LoneScenario() { kill(); }

  LoneOutcome run() {
    start();
    for (int i = 0; i < kSteps; ++i) {
      pass_time();
      attack();
      work();
    }
    disk_.set_capacity(SIZE_MAX);
    disk_.set_before_sync({});
    is_appending_ = false;
    restart();
    for (int i = 0; i < kStepsToHeal && !is_done(); ++i) {
      pass_time();
      step();
      log_->write_next();
    }
    if (!is_done()) findings_.add("the task of a lone node does not reach the end of its input");
    restart();  // the checks are about the state that a new process finds
    check_output();
    return {findings_.all(), findings_.digest(), committed_, restarts_, trimmed_};
  }

 private:
  // --- The machine
  void pass_time() {
    queue_.after(chance_.between(10, 3'000), [] {});
    queue_.step(INT64_MAX);
  }
  void attack() {
    if (has_failed_ || chance_.one_in(70)) return restart();
    if (chance_.one_in(150)) build();  // as a statement does while commits are pending
    if (chance_.one_in(90)) disk_.set_capacity(std::exchange(is_full_, !is_full_) ? SIZE_MAX : 0);
    if (chance_.one_in(120)) disk_.set_before_sync([this] { disk_.drop_unsynced(); });
  }
  void work() {
    switch (chance_.between(0, 8)) {
      case 0:
      case 1:
        return append();
      case 2:
      case 3:
      case 4:
        return step();
      case 5:
        if (chance_.one_in(6)) checkpoint();
        return;
      default:
        log_->write_next();
    }
  }
  void kill() {
    ++life_;
    disk_.drop_unsynced();
    reader_.reset();
    if (log_) log_->close();
    log_.reset();
  }
  void restart() {
    kill();
    disk_.set_before_sync({});
    if (std::exchange(is_full_, false)) disk_.set_capacity(SIZE_MAX);
    start();
    ++restarts_;
  }
  void start() {
    has_failed_ = is_appending_ = is_checkpointing_ = false;
    storage::LogOptions options;
    options.clock = &clock_;
    options.writer = storage::LogOptions::Writer::Owner;
    options.task_wait_us = 0;
    options.reserve_bytes = keeps_a_reserve_ ? 1'000 : 0;
    options.on_failure = [this](const Error&) { has_failed_ = true; };
    log_ = storage::Log::open(disk_.open(), std::move(options)).value();
    reader_ = storage::LogReader::open(*log_).value();
    for (const TopicPartition& partition : {kInput, kOutput})
      log_->create_partitions(
          partition.topic, 1, [](const Status&) {}, storage::PartitionKind::Internal);
    while (log_->write_next()) continue;
    appended_ = log_->find_partition(kInput)->log_end();
    if (appended_ < acknowledged_input_)
      findings_.add(fmt::format("a lone node has acknowledged {} records, but {} are left",
                                acknowledged_input_.value(), appended_.value()));
    build();
  }
  // Wraps the callback for an answer of the log. An answer that arrives at a later process or owner
  // is ignored.
  template <class Answer>
  std::function<void(Answer)> here(std::function<void(Answer)> done) {
    return [this, life = life_, owner = owner_, done = std::move(done)](Answer answer) {
      if (life == life_ && owner == owner_) done(std::forward<Answer>(answer));
    };
  }

  // --- The client. The value of a record is its offset.
  void append() {
    if (std::exchange(is_appending_, true)) return;
    records::BatchBuilder batch;
    const int64_t count = chance_.between(1, 4);
    for (int64_t i = 0; i < count; ++i)
      batch.append(1'000, "key", std::to_string(appended_.value() + i));
    storage::AppendRequest request;
    request.parts.push_back({kInput, batch.finish()});
    storage::AppendDone done = [this, count,
                                life = life_](const Result<storage::Appended>& result) {
      if (life != life_) return;
      is_appending_ = false;
      if (!result) return;
      appended_ = appended_ + count;
      acknowledged_input_ = appended_;
      if (result->batches.front().last_offset + 1 != appended_)
        findings_.add("an append of a lone node has another offset than the log end before it");
    };
    if (!log_->try_append(request, done)) is_appending_ = false;
  }

  // --- The task
  // Builds the task from its checkpoint and its journal, as server/tasks/query_tasks.cc does.
  void build() {
    ++owner_;
    is_built_ = is_checkpointing_ = false;
    on_way_.clear();
    log_->begin_tasks({std::string(kTask)},
                      here<Result<storage::TaskStarts>>([this](Result<storage::TaskStarts> begun) {
                        // the disk is full, and step() tries again
                        if (!begun || !begun->front()) return;
                        begun_ = *begun->front();
                        restore();
                      }));
  }
  void restore() {
    const auto row = std::make_shared<std::string>();
    log_->submit(
        [row](storage::WriteTransaction& transaction) -> Status {
          const auto table = TRY(transaction.find_table(kTable, storage::KeyOrder::Bytes));
          if (!table) return {};
          if (const auto stored = TRY(transaction.get(*table, kCheckpoint))) *row = *stored;
          return {};
        },
        here<Status>([this, row](const Status& status) {
          if (status) read_journal(row->empty() ? State() : decode(*row));
        }));
  }
  void read_journal(State state) {
    checkpoint_ = state.sequence;
    const auto journal = storage::JournalReader::open(*log_, begun_->journal).value();
    const Status read =
        journal->read(begun_->first_entry, [&](const storage::JournalRecord& record) -> Status {
          if (record.task != kTask || record.sequence <= state.sequence) return {};
          if (record.sequence != state.sequence + 1)
            findings_.add(fmt::format("the journal of a lone node has entry {} after {}",
                                      record.sequence.value(), state.sequence.value()));
          state = decode(record.entry);
          journal_end_ = record.offset + 1;
          return {};
        });
    if (!read) findings_.add("the journal of a lone node cannot be read: " + read.error().message);
    check(state);
    state_ = durable_ = state;
    is_built_ = true;
  }
  void check(const State& state) {
    findings_.trace(fmt::format("the task is built at commit {}", state.sequence.value()));
    if (state.sequence < acknowledged_)
      findings_.add(fmt::format("a lone node has acknowledged commit {}, but its last commit is {}",
                                acknowledged_.value(), state.sequence.value()));
    if (state.count != state.position.value())
      findings_.add(fmt::format("a lone node has counted {} records before offset {}", state.count,
                                state.position.value()));
    const Offset output = log_->find_partition(kOutput)->log_end();
    if (output.value() != state.count)
      findings_.add(
          fmt::format("a lone node has {} outputs for {} records", output.value(), state.count));
  }
  void step() {
    if (!is_built_) return chance_.one_in(10) ? build() : void();
    if (on_way_.size() >= kCommitsOnWay || !reader_->begin_turn()) return;
    State next = state_;
    records::BatchBuilder output;
    const auto batches = reader_->read(kInput, state_.position, kReadBytes);
    for (size_t i = 0; batches && i < batches->size(); ++i) copy((*batches)[i], output, next);
    reader_->end_turn();
    if (!output.empty()) commit(next, output);
  }
  void copy(const storage::BatchRef& ref, records::BatchBuilder& output, State& next) {
    const auto batch = records::parse_batch(ref.bytes, records::BatchCheck::Shape);
    std::string scratch;
    auto reader = records::RecordReader::open(*batch, scratch);
    for (records::RecordView record; reader->next(record);) {
      if (batch->header.base_offset + record.offset_delta < next.position) continue;
      output.append(1'000, "key", record.value);
      ++next.count;
    }
    next.position = ref.last_offset + 1;
  }
  void commit(State next, records::BatchBuilder& output) {
    next.sequence = state_.sequence + 1;
    storage::PartitionBatches outputs{
        kOutput, output.finish(records::Codec::None,
                               {begun_->producer_id, 0, static_cast<int32_t>(state_.count)})};
    storage::TaskCommit commit{std::string(kTask),
                               begun_->epoch,
                               next.sequence,
                               storage::journal_batch(kTask, next.sequence, encode(next)),
                               {},
                               {}};
    if (chance_.one_in(3)) commit.trims.push_back({kInput, state_.position});
    if (rules_.appends_outputs_with_entry) {
      commit.outputs.push_back(std::move(outputs));
      if (!send(std::move(commit))) return;
    } else if (!send_after(std::move(outputs), std::move(commit))) {
      return;
    }
    on_way_.push_back(next);
    state_ = next;
  }
  bool send(storage::TaskCommit commit) {
    storage::AppendDone done = here<Result<storage::Appended>>(
        [this](Result<storage::Appended> result) { committed(std::move(result)); });
    return log_->try_commit(commit, done);
  }
  // Sends the commit when its outputs are durable.
  bool send_after(storage::PartitionBatches outputs, storage::TaskCommit commit) {
    storage::AppendRequest request;
    request.parts.push_back(std::move(outputs));
    storage::AppendDone done = here<Result<storage::Appended>>(
        [this, commit = std::move(commit)](const Result<storage::Appended>& result) {
          if (!result || !send(commit)) build();
        });
    return log_->try_append(request, done);
  }
  // If the outcome of a commit is an error, the commit is not repeated: the task is built again.
  void committed(const Result<storage::Appended>& result) {
    if (!result) return build();
    durable_ = on_way_.front();
    on_way_.pop_front();
    acknowledged_ = durable_.sequence;
    journal_end_ = result->batches.back().last_offset + 1;
    ++committed_;
  }

  // --- Checkpoints: they are stored separately, and the journal is trimmed afterwards
  void checkpoint() {
    if (!is_built_ || is_checkpointing_ || durable_.sequence <= checkpoint_) return;
    is_checkpointing_ = true;
    const storage::PartitionTrim trim{storage::journal_partition(begun_->journal), journal_end_};
    if (rules_.trims_after_checkpoint) return store([this, trim] { trim_journal(trim, [] {}); });
    trim_journal(trim, [this] { store([] {}); });
  }
  void store(std::function<void()> then) {
    log_->submit(
        [row = encode(durable_)](storage::WriteTransaction& transaction) -> Status {
          return transaction.put(TRY(transaction.open_table(kTable, storage::KeyOrder::Bytes)),
                                 kCheckpoint, row);
        },
        here<Status>([this, stored = durable_.sequence, then](const Status& status) {
          is_checkpointing_ = false;
          if (!status) return;
          checkpoint_ = stored;
          then();
        }));
  }
  void trim_journal(const storage::PartitionTrim& trim, std::function<void()> then) {
    log_->trim(trim, here<Status>([this, then](const Status& status) {
                 is_checkpointing_ = false;
                 if (!status) return;
                 ++trimmed_;
                 then();
               }));
  }

  // --- The end
  bool is_done() const {
    return is_built_ && on_way_.empty() &&
           durable_.position == log_->find_partition(kInput)->log_end();
  }
  void check_output() {
    for (int i = 0; i < 10 && !is_built_; ++i) log_->write_next();
    if (!is_built_) findings_.add("the task of a lone node cannot be built");
    if (!reader_->begin_turn()) return;
    int64_t expected = 0;
    const auto batches = reader_->read(kOutput, Offset{0}, INT32_MAX);
    if (!batches) findings_.add("the output of a lone node cannot be read");
    for (size_t i = 0; batches && i < batches->size(); ++i) {
      const storage::BatchRef& ref = (*batches)[i];
      const auto batch = records::parse_batch(ref.bytes, records::BatchCheck::ShapeAndCrc);
      std::string scratch;
      auto reader = records::RecordReader::open(*batch, scratch);
      for (records::RecordView record; reader->next(record); ++expected)
        if (record.value != std::to_string(expected))
          findings_.add(fmt::format("output {} of a lone node was made from record {}", expected,
                                    *record.value));
    }
    reader_->end_turn();
    if (expected < acknowledged_input_.value())
      findings_.add(fmt::format("a lone node has {} outputs for {} acknowledged records", expected,
                                acknowledged_input_.value()));
  }

  EventQueue queue_;
  Chance chance_;
  const LoneRules rules_;
  Findings findings_;
  SimClock clock_;
  const bool keeps_a_reserve_;  // as in SimNode
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::LogReader> reader_;
  uint64_t life_ = 0, owner_ = 0;
  bool has_failed_ = false, is_full_ = false;

  // Members of the client. `appended_` is the next offset; all records before `acknowledged_input_` must remain.
  Offset appended_{0}, acknowledged_input_{0};
  bool is_appending_ = false;

  // Members of the task.
  std::optional<storage::TaskStart> begun_;
  State state_, durable_;      // states after all sent commits, and after the answered ones
  std::deque<State> on_way_;   // states after each commit without an answer
  TaskSequence acknowledged_;  // this commit and all earlier ones must remain
  bool is_built_ = false, is_checkpointing_ = false;
  TaskSequence checkpoint_;
  Offset journal_end_;
  size_t committed_ = 0, restarts_ = 0, trimmed_ = 0;
};

}  // namespace

}  // namespace sim::lone

namespace sim {

LoneOutcome run_lone(uint64_t seed, const LoneRules& rules, bool is_verbose) {
  return lone::LoneScenario(seed, rules, is_verbose).run();
}

}  // namespace sim
