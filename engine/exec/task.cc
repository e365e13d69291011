#include "engine/exec/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>

#include "base/log.h"

namespace engine {

// Counts failed records, and says so in the server's log: the first hundred in full, later ones as
// a number.
class Task::Log final : public ProcessingLog {
 public:
  Log(const std::string& task, TaskMetrics& metrics) : task_(task), metrics_(metrics) {}
  void record_failed(std::string_view message, int32_t partition, int64_t offset) override {
    constexpr uint64_t kShownInFull = 100;
    ++metrics_.records_failed;
    metrics_.last_error = fmt::format("{} (partition {}, offset {})", message, partition, offset);
    if (metrics_.records_failed <= kShownInFull || metrics_.records_failed % 10'000 == 0)
      log_warn("record failed task={} partition={} offset={} failures={} error=\"{}\"", task_,
               partition, offset, metrics_.records_failed, message);
  }

 private:
  const std::string& task_;
  TaskMetrics& metrics_;
};

Task::Task(std::string id, std::vector<Input> inputs, Sources& sources, Sink* sink,
           const Clock& clock, uint64_t seed, const Properties& properties, TaskOptions options)
    : id_(std::move(id)),
      inputs_(std::move(inputs)),
      sources_(sources),
      sink_(sink),
      options_(options),
      properties_(properties),
      random_(seed),
      eval_(new EvalContext{clock, random_, &properties_}),
      log_(std::make_unique<Log>(id_, metrics_)),
      context_(new TaskContext{*eval_, *log_, options.merge_updates}),
      moved_(inputs_.size(), false) {
  for (const Input& input : inputs_) bootstrapped_ &= input.limit.bootstrap_end <= input.next;
}

Task::~Task() { *alive_ = false; }

Result<std::unique_ptr<Task>> Task::make(std::string id, const StagePlan& plan,
                                         std::vector<Input> inputs, StageEnd end, Sources& sources,
                                         Sink* sink, const Clock& clock, uint64_t seed,
                                         const Properties& properties, TaskOptions options) {
  std::unique_ptr<Task> task(
      new Task(std::move(id), std::move(inputs), sources, sink, clock, seed, properties, options));
  task->stage_ = TRY(Stage::build(plan, *task->context_, std::move(end)));
  task->last_scalars_ = task->stage_->scalars();
  if (!task->bootstrapped_)
    for (InputOperator* input : task->stage_->inputs()) input->begin_bootstrap();
  return task;
}

Status Task::restore(const JournalEntry& entry) {
  for (const InputPosition& position : entry.positions) {
    const auto input = std::ranges::find_if(inputs_, [&](const Input& known) {
      return known.input == position.input && known.partition == position.partition;
    });
    if (input == inputs_.end())
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} names an unknown input", id_)};
    input->next = position.next;
  }
  if (!entry.scalars.empty()) {
    stage_->restore_scalars(entry.scalars);
    last_scalars_ = entry.scalars;
  }
  for (const StateEntry& changed : entry.entries) {
    if (changed.store >= stage_->stores().size())
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} names an unknown store", id_)};
    TRY(stage_->stores()[changed.store]->restore(changed));
  }
  return {};
}

void Task::resume_after(TaskEpoch epoch, TaskSequence last_sequence) {
  epoch_ = epoch;
  sequence_ = durable_ = last_sequence;
}

StepResult Task::step() {
  if (failure_) return StepResult::Failed;
  if (unsent_ && !submit()) return StepResult::Idle;
  if (in_flight_ >= options_.max_commits_in_flight) return StepResult::Idle;
  std::vector<std::pair<PartitionRef, Offset>> positions;
  for (const Input& input : inputs_) positions.emplace_back(input.partition, input.next);
  Result<std::vector<Polled>> polled = sources_.poll(positions, options_.max_bytes_per_step);
  if (!polled) return fail(std::move(polled).error());
  const StepResult result = process(*polled);
  sources_.release();
  return result;
}

namespace {

// Only the batches that have rows in it take part: the others may be without columns.
Batch merge_rows(const std::vector<const Batch*>& batches,
                 std::span<const Column::SourceRow> rows) {
  std::vector<uint32_t> place(batches.size(), UINT32_MAX);
  std::vector<const Batch*> sources;
  std::vector<Column::SourceRow> renumbered;
  renumbered.reserve(rows.size());
  for (const Column::SourceRow& at : rows) {
    if (place[at.source] == UINT32_MAX) {
      place[at.source] = static_cast<uint32_t>(sources.size());
      sources.push_back(batches[at.source]);
    }
    renumbered.push_back({place[at.source], at.row});
  }
  return Batch::merge(sources, renumbered);
}

}  // namespace

StepResult Task::process(const std::vector<Polled>& polled) {
  std::fill(moved_.begin(), moved_.end(), false);
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (inputs_[i].next <
        polled[i].log_start) {  // overtaken by retention; never in a persistent task
      inputs_[i].next = polled[i].log_start;
      moved_[i] = true;
    }
  const Status done = inputs_.size() == 1 ? take_one_input(0, polled[0]) : take_in_order(polled);
  if (!done) return fail(done.error());
  const Status shown = finish_bootstrap();
  if (!shown) return fail(shown.error());

  bool more = false, finished = true;
  metrics_.lag_records = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Offset end = inputs_[i].limit.stop_at
                           ? std::min(*inputs_[i].limit.stop_at, polled[i].readable_end)
                           : polled[i].readable_end;
    if (inputs_[i].next < end) {
      // Without a batch to read there is nothing between here and the end but what was compacted
      // away.
      if (polled[i].batches.empty())
        inputs_[i].next = end;
      else
        more = true;
    }
    metrics_.lag_records += std::max<int64_t>(0, polled[i].readable_end - inputs_[i].next);
    finished &= inputs_[i].limit.stop_at && inputs_[i].next >= *inputs_[i].limit.stop_at;
  }
  if (!options_.is_transient && std::ranges::any_of(moved_, std::identity{})) return commit(more);
  if (finished) return StepResult::Finished;
  return more ? StepResult::More : StepResult::Idle;
}

void Task::report_failures(const Input& input, const InputChunk& chunk) {
  for (const RecordFailure& failure : chunk.failures)
    if (failure.offset < input.next)
      log_->record_failed(failure.message, input.partition.partition.value(),
                          failure.offset.value());
}

Status Task::run(size_t which, Batch batch) {
  if (batch.rows == 0) return {};
  current_input_ = which;
  current_offset_ = Offset(batch.offsets.front());
  metrics_.records_in += batch.rows;
  return stage_->inputs()[inputs_[which].input]->process(std::move(batch), 0);
}

Status Task::take_one_input(size_t which, const Polled& polled) {
  Input& input = inputs_[which];
  if (polled.batches.empty()) return {};
  size_t max_rows = row_limit();
  if (input.limit.stop_at) {
    if (input.next >= *input.limit.stop_at) return {};
    max_rows = std::min<size_t>(max_rows, static_cast<size_t>(*input.limit.stop_at - input.next));
  }
  current_input_ = which;
  current_offset_ = input.next;
  InputChunk chunk = TRY(stage_->inputs()[input.input]->decode(
      polled.batches, input.partition.partition.value(), input.next, max_rows));
  if (chunk.next == input.next) return {};
  input.next = chunk.next;
  moved_[which] = true;
  report_failures(input, chunk);
  return run(which, std::move(chunk.batch));
}

struct Task::Head {
  InputChunk chunk;
  uint32_t row = 0;
  bool has_more_in_log = false;
  const InputStep* step = nullptr;
  bool has_row() const { return row < chunk.batch.rows; }
  int64_t timestamp() const { return chunk.batch.timestamps[row]; }
  bool goes_before(const Head& other) const {
    if (step->is_read_first != other.step->is_read_first) return step->is_read_first;
    if (timestamp() != other.timestamp()) return timestamp() < other.timestamp();
    // Of equal times the table's change: a stream's record sees the row of its own time.
    return step->kind == SourceKind::Table && other.step->kind == SourceKind::Stream;
  }
};

Result<std::vector<Task::Head>> Task::decode_heads(const std::vector<Polled>& polled) {
  const size_t share = std::max<size_t>(1, row_limit() / inputs_.size());
  std::vector<Head> heads(inputs_.size());
  bool some_go_first = false;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::optional<Offset>& stop = inputs_[i].limit.stop_at;
    heads[i].chunk.next = inputs_[i].next;
    heads[i].step = &stage_->inputs()[inputs_[i].input]->step();
    heads[i].has_more_in_log = !polled[i].batches.empty() && !(stop && inputs_[i].next >= *stop);
    some_go_first |= heads[i].has_more_in_log && heads[i].step->is_read_first;
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    // Nothing of the others would be taken: they are not decoded in vain.
    if (some_go_first && !heads[i].step->is_read_first) heads[i].has_more_in_log = false;
    if (!heads[i].has_more_in_log) continue;
    const std::optional<Offset>& stop = inputs_[i].limit.stop_at;
    size_t max_rows = share;
    if (stop) max_rows = std::min<size_t>(max_rows, static_cast<size_t>(*stop - inputs_[i].next));
    current_input_ = i;
    current_offset_ = inputs_[i].next;
    heads[i].chunk = TRY(stage_->inputs()[inputs_[i].input]->decode(
        polled[i].batches, inputs_[i].partition.partition.value(), inputs_[i].next, max_rows));
    const Offset end = stop ? std::min(*stop, polled[i].readable_end) : polled[i].readable_end;
    heads[i].has_more_in_log = heads[i].chunk.next < end;
  }
  return heads;
}

// Several partitions: those that the plan wants to be read first, then the record with the smallest
// timestamp, ties to tables, then to the partition that was declared first. A partition whose
// records in memory are used up, but which has more, ends the micro-batch: what follows there might
// come first.
Status Task::take_in_order(const std::vector<Polled>& polled) {
  std::vector<Head> heads = TRY(decode_heads(polled));
  std::vector<Column::SourceRow> order;
  while (order.size() < row_limit()) {
    size_t first = heads.size();
    bool must_wait = false;
    for (size_t i = 0; i < heads.size(); ++i) {
      must_wait |= !heads[i].has_row() && heads[i].has_more_in_log;
      if (heads[i].has_row() && (first == heads.size() || heads[i].goes_before(heads[first])))
        first = i;
    }
    if (first == heads.size() || must_wait) break;
    order.push_back({static_cast<uint32_t>(first), heads[first].row++});
  }
  for (size_t i = 0; i < heads.size(); ++i) {
    const Offset next = heads[i].has_row() ? Offset(heads[i].chunk.batch.offsets[heads[i].row])
                                           : heads[i].chunk.next;
    // Chunks in which every record was dropped still move their partition on.
    if (next <= inputs_[i].next) continue;
    inputs_[i].next = next;
    moved_[i] = true;
    report_failures(inputs_[i], heads[i].chunk);
  }
  return run_in_order(heads, order);
}

// Rows that go to the same input of the stage, one after the other, are one batch.
Status Task::run_in_order(const std::vector<Head>& heads,
                          std::span<const Column::SourceRow> order) {
  std::vector<const Batch*> batches;
  for (const Head& head : heads) batches.push_back(&head.chunk.batch);
  for (size_t begin = 0; begin < order.size();) {
    const uint32_t input = inputs_[order[begin].source].input;
    size_t end = begin + 1;
    while (end < order.size() && inputs_[order[end].source].input == input) ++end;
    TRY(run(order[begin].source, merge_rows(batches, order.subspan(begin, end - begin))));
    begin = end;
  }
  return {};
}

// A push query on a table: what the table holds, once, then its changes.
Status Task::finish_bootstrap() {
  if (bootstrapped_) return {};
  for (const Input& input : inputs_)
    if (input.next < input.limit.bootstrap_end) return {};
  bootstrapped_ = true;
  for (InputOperator* input : stage_->inputs()) TRY(input->end_bootstrap());
  return {};
}

StepResult Task::commit(bool more) {
  TaskCommit commit;
  commit.task = id_;
  commit.epoch = epoch_;
  commit.sequence = sequence_ = sequence_ + 1;
  JournalEntry entry;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!moved_[i]) continue;
    entry.positions.push_back({inputs_[i].input, inputs_[i].partition, inputs_[i].next});
    if (inputs_[i].is_exchange) commit.trims.emplace_back(inputs_[i].partition, inputs_[i].next);
  }
  std::vector<int64_t> scalars = stage_->scalars();
  if (scalars != last_scalars_) entry.scalars = last_scalars_ = std::move(scalars);
  for (uint32_t store = 0; store < stage_->stores().size(); ++store)
    stage_->stores()[store]->take_changes(store, entry.entries);
  stage_->take_outputs(commit.outputs);
  commit.journal = encode_journal(entry);
  if (durable_entry_) journalled_.emplace_back(commit.sequence, std::move(entry));
  unsent_ = std::move(commit);
  if (!submit()) return StepResult::Idle;
  if (failure_) return StepResult::Failed;
  return more && in_flight_ < options_.max_commits_in_flight ? StepResult::More : StepResult::Idle;
}

bool Task::submit() {
  const TaskSequence sequence = unsent_->sequence;
  ++in_flight_;
  CommitDone done = [this, alive = alive_, sequence](Result<std::vector<TopicEnd>> result) {
    if (!*alive) return;
    committed(sequence, std::move(result));
    if (*alive && answered_) answered_();
  };
  if (!sink_->try_commit(*unsent_, done)) {
    --in_flight_;
    return false;
  }
  unsent_.reset();
  return true;
}

void Task::committed(TaskSequence sequence, Result<std::vector<TopicEnd>> result) {
  --in_flight_;
  if (!result) {
    if (!failure_) fail(std::move(result).error());
    return;
  }
  assert(sequence == durable_ + 1);
  durable_ = sequence;
  while (!journalled_.empty() && journalled_.front().first <= durable_) {
    durable_entry_(journalled_.front().first, std::move(journalled_.front().second));
    journalled_.erase(journalled_.begin());
  }
  std::vector<Waiting> ready;
  std::erase_if(waiting_, [&](Waiting& waiter) {
    if (waiter.after > durable_) return false;
    ready.push_back(std::move(waiter));
    return true;
  });
  for (Waiting& waiter : ready) waiter.then({});
}

void Task::when_durable(std::function<void(Status)> then) {
  if (failure_) return then(failure_->error);
  if (durable_ == sequence_) return then({});
  waiting_.push_back({sequence_, std::move(then)});
}

StepResult Task::fail(Error error) {
  PartitionRef partition = inputs_.empty() ? PartitionRef{} : inputs_[current_input_].partition;
  failure_ = TaskFailure{std::move(error), partition, current_offset_};
  metrics_.last_error = fmt::format("{} (partition {}, offset {})", failure_->error.message,
                                    partition.partition.value(), current_offset_.value());
  for (Waiting& waiter : std::exchange(waiting_, {})) waiter.then(failure_->error);
  return StepResult::Failed;
}

}  // namespace engine
