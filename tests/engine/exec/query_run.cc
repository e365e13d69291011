#include "tests/engine/exec/query_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/exec/exchange_lanes.h"
#include "engine/types/text_json.h"
#include "records/batch.h"
#include "records/batch_builder.h"
#include "records/partitioner.h"

namespace engine {

namespace {

enum class Role : uint8_t { Source = 1, Exchange = 2, Sink = 3 };

PartitionRef partition_of(Role role, uint8_t number, int partition) {
  PartitionRef ref;
  ref.topic.bytes[0] = static_cast<uint8_t>(role);
  ref.topic.bytes[1] = number;
  ref.partition = PartitionId(partition);
  return ref;
}

SourceKind input_kind(const StagePlan& stage, uint32_t number) {
  std::vector<SourceKind> kinds;
  for (const PlanNode& node : stage.nodes)
    if (const auto* input = std::get_if<InputStep>(&node.step)) kinds.push_back(input->kind);
  return kinds.at(number);
}

std::string shown(const std::optional<std::string_view>& bytes) {
  if (!bytes) return "-";
  std::string text;
  for (const char c : *bytes)  // windowed keys end in bytes that are not text
    text += c >= ' ' ? std::string(1, c) : fmt::format("\\{:02x}", static_cast<uint8_t>(c));
  return text;
}

}  // namespace

std::vector<std::string> lines_of(const MemoryLog& topics, const PartitionRef& partition) {
  std::vector<std::string> lines;
  for (const LogBatch& stored : topics.batches_of(partition)) {
    const auto batch = records::parse_batch(stored.bytes, records::BatchCheck::Shape);
    std::string scratch;
    auto reader = records::RecordReader::open(*batch, scratch);
    for (records::RecordView record; reader->next(record);)
      lines.push_back(
          fmt::format("{} {} @{}", shown(record.key), shown(record.value), record.timestamp));
  }
  return lines;
}

std::string batch_of(const std::vector<TestRecord>& records) {
  records::BatchBuilder builder;
  for (const TestRecord& record : records)
    builder.append(record.timestamp, record.key, record.value);
  return builder.finish();
}

int partition_for(std::string_view key, int partitions) {
  return records::partition_for_key(key, partitions).value();
}

std::string text_of(const std::vector<ColumnPtr>& columns, size_t rows) {
  std::string text;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ' ';
      append_json_value(text, *columns[i], row);
    }
    text += '\n';
  }
  return text;
}

QueryRun::QueryRun(PlannedQuery planned, int source_partitions, TaskOptions options)
    : planned_(std::move(planned)), source_partitions_(source_partitions), options_(options) {}

PartitionRef QueryRun::source(const std::string& topic, int partition) {
  const auto next = static_cast<uint8_t>(topic_numbers_.size());
  return partition_of(Role::Source, topic_numbers_.try_emplace(topic, next).first->second,
                      partition);
}

void QueryRun::produce(const std::string& topic, int partition,
                       const std::vector<TestRecord>& records) {
  log_.topics().append(source(topic, partition), batch_of(records));
}

void QueryRun::produce_batch(const std::string& topic, int partition, std::string batch) {
  log_.topics().append(source(topic, partition), std::move(batch));
}

// Number of tasks of a stage: one per partition, unless the stage merges its partitions.
int QueryRun::task_count(const StagePlan& stage) const {
  if (stage.merges_partitions) return 1;
  const auto& first = std::get<InputStep>(stage.nodes.front().step);
  if (first.exchange < 0) return source_partitions_;
  return planned_.plan.exchanges[static_cast<size_t>(first.exchange)].partitions;
}

std::vector<Task::Input> QueryRun::inputs_of(const StagePlan& stage, int partition) {
  std::vector<Task::Input> inputs;
  uint32_t number = 0;
  for (const PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<InputStep>(&node.step);
    if (!input) continue;
    Task::Input from;
    from.input = number++;
    if (input->exchange < 0) {
      from.partition = source(input->topic, partition);
      if (const auto its = writers_.find(input->topic); its != writers_.end())
        from.topic_writers = its->second;
      inputs.push_back(from);
    } else {
      for (const Task::Input& lane : lanes_of(from, input->exchange, partition))
        inputs.push_back(lane);
    }
  }
  return inputs;
}

std::vector<Task::Input> QueryRun::lanes_of(Task::Input input, int exchange, int reader) {
  const auto index = static_cast<uint8_t>(exchange);
  input.is_exchange = true;
  input.partition = partition_of(Role::Exchange, index, reader);
  const ExchangeLanes lanes(planned_.plan.exchanges[index]);
  if (!lanes.is_time_ordered()) return {input};
  const StagePlan& writers = *std::ranges::find_if(
      planned_.plan.stages,
      [&](const StagePlan& stage) { return stage.output.exchange == exchange; });
  std::vector<Task::Input> inputs;
  for (int writer = 0; writer < task_count(writers); ++writer) {
    input.partition.partition = lanes.lane(writer, reader);
    LaneWriter its_writer{{input.partition.topic, lanes.progress_of(writer)}, {}};
    for (const Task::Input& read : inputs_of(writers, writer)) {
      if (input_kind(writers, read.input) == SourceKind::Stream)
        its_writer.stream = its_writer.inputs.size();
      its_writer.inputs.emplace_back(read.partition, read.next);
    }
    input.writer = std::make_shared<const LaneWriter>(std::move(its_writer));
    inputs.push_back(input);
  }
  return inputs;
}

StageEnd QueryRun::end_of(const StagePlan& stage, int number) const {
  if (stage.output.exchange >= 0) {
    const auto exchange = static_cast<size_t>(stage.output.exchange);
    const ExchangePlan& plan = planned_.plan.exchanges[exchange];
    return OutputTarget{partition_of(Role::Exchange, static_cast<uint8_t>(exchange), 0).topic,
                        plan.partitions, ExchangeLanes(plan).first_of(number),
                        plan.is_time_ordered};
  }
  if (stage.output.topic.empty()) return CallbackOutput::Take([](Batch) {});
  return OutputTarget{partition_of(Role::Sink, 0, 0).topic, planned_.sink->partitions};
}

void QueryRun::start() {
  tasks_.clear();
  log_.crash();
  for (size_t stage = 0; stage < planned_.plan.stages.size(); ++stage) {
    StagePlan plan = planned_.plan.stages[stage];
    plan.merges_partitions = false;
    const int partitions = task_count(plan);
    std::vector<std::vector<Task::Input>> tasks;
    for (int partition = 0; partition < partitions; ++partition) {
      if (tasks.empty() || !planned_.plan.stages[stage].merges_partitions) tasks.emplace_back();
      const std::vector<Task::Input> inputs = inputs_of(plan, partition);
      tasks.back().insert(tasks.back().end(), inputs.begin(), inputs.end());
    }
    for (size_t i = 0; i < tasks.size(); ++i)
      start_task(stage, static_cast<int>(i), std::move(tasks[i]));
  }
}

void QueryRun::start_task(size_t stage, int number, std::vector<Task::Input> inputs) {
  const StagePlan& plan = planned_.plan.stages[stage];
  const std::string id = fmt::format("{}/{}/{}", planned_.plan.id, stage, number);
  auto made = Task::make(id, plan, std::move(inputs), end_of(plan, number), log_, &log_, clock_, 0,
                         std::make_shared<const Properties>(planned_.plan.properties), options_);
  ASSERT_TRUE(made) << made.error().message;
  TaskSequence last{0};
  for (const CrashableLog::Journalled& durable : log_.journal_of(id)) {
    const auto entry = decode_journal(durable.journal);
    ASSERT_TRUE(entry) << entry.error().message;
    ASSERT_TRUE((*made)->restore(*entry, durable.sequence));
    last = durable.sequence;
  }
  ASSERT_TRUE((*made)->resume_after(TaskEpoch{1}, last,
                                    ProducerId(static_cast<int64_t>(stage) * 1'000 + number)));
  Running& running = tasks_.emplace_back();
  running.task = *std::move(made);
  const auto& materialized = planned_.plan.materialization;
  if (materialized && materialized->stage == static_cast<int>(stage))
    running.view = std::make_unique<TableView>(*materialized, *running.task);
}

bool QueryRun::run_to_rest() {
  bool is_fine = true;
  for (bool moved = true; moved;) {
    moved = false;
    for (Running& running : tasks_) {
      StepResult result = running.task->step();
      while (result == StepResult::More) result = running.task->step();
      is_fine &= result != StepResult::Failed;
    }
    moved = log_.answer_all();
  }
  return is_fine;
}

void QueryRun::stumble(Random& random) {
  if (random.next() % 3 == 0)
    log_.answer_one();
  else
    tasks_[random.next() % tasks_.size()].task->step();
}

std::string QueryRun::written() {
  std::string text;
  for (int partition = 0; planned_.sink && partition < planned_.sink->partitions; ++partition)
    for (const std::string& line : lines_of(log_.topics(), partition_of(Role::Sink, 0, partition)))
      text += line + "\n";
  return text;
}

std::string QueryRun::newest_written() {
  std::map<std::string, std::string> newest;
  for (int partition = 0; partition < planned_.sink->partitions; ++partition)
    for (const std::string& line : lines_of(log_.topics(), partition_of(Role::Sink, 0, partition)))
      newest[line.substr(0, line.find(' '))] = line;
  std::string text;
  for (const auto& [key, line] : newest) text += line + "\n";
  return text;
}

TableView& QueryRun::first_view() {
  return *std::ranges::find_if(tasks_, [](const Running& running) {
            return running.view != nullptr;
          })->view;
}

Result<Batch> QueryRun::look_up(const std::vector<std::string>& keys, TaskSequence& as_of) {
  TableLookUp look_up{keys};
  Result<Batch> found = look_up_some(look_up, as_of);
  EXPECT_TRUE(look_up.keys.empty()) << "more than one slice of look-ups";
  return found;
}

Result<Batch> QueryRun::look_up_some(TableLookUp& look_up, TaskSequence& as_of) {
  return first_view().find(look_up, EvalContext{clock_, random_}, as_of);
}

Result<Batch> QueryRun::look_up_in(int32_t task, const std::string& key) {
  const std::vector<std::string> keys{key};
  TableLookUp look_up{keys};
  TaskSequence as_of;
  std::vector<TableView*> views;
  for (const Running& running : tasks_)
    if (running.view) views.push_back(running.view.get());
  return views.at(static_cast<size_t>(task))->find(look_up, EvalContext{clock_, random_}, as_of);
}

Result<Batch> QueryRun::look_up_all() {
  TableScan scan = first_view().begin_scan();
  return TRY(first_view().next_rows(scan, SIZE_MAX, EvalContext{clock_, random_})).rows;
}

Result<TableView::Slice> QueryRun::scan_some(TableScan& scan, size_t entries) {
  if (!scan.entries) scan = first_view().begin_scan();
  return first_view().next_rows(scan, entries, EvalContext{clock_, random_});
}

std::string QueryRun::table() {
  std::string text;
  const EvalContext eval{clock_, random_};
  for (Running& running : tasks_) {
    if (!running.view) continue;
    TableScan scan = running.view->begin_scan();
    for (bool is_last = false; !is_last;) {
      const Result<TableView::Slice> slice = running.view->next_rows(scan, SIZE_MAX, eval);
      if (!slice) return slice.error().message;
      text += text_of(slice->rows.columns, slice->rows.rows);
      is_last = slice->is_last;
    }
  }
  return text;
}

}  // namespace engine
