#include "engine/testing/memory_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "records/batch.h"
#include "records/batch_builder.h"

namespace engine {
namespace {

constexpr uint64_t kQuerySeed = 0;

enum class Role : uint8_t { Source = 1, Exchange = 2, Sink = 3 };

PartitionRef partition(Role role, size_t index) {
  PartitionRef ref;
  ref.topic.bytes[0] = static_cast<uint8_t>(role);
  ref.topic.bytes[1] = static_cast<uint8_t>(index);
  return ref;
}

std::string batch_of(std::span<const RawRecord> records) {
  records::BatchBuilder builder;
  for (const RawRecord& record : records) {
    std::vector<records::RecordHeader> headers;
    for (const CaseHeader& header : record.headers) headers.push_back({header.key, header.value});
    builder.append(record.timestamp, record.key, record.value, headers);
  }
  return builder.finish();
}

std::optional<std::string> owned(std::optional<std::string_view> view) {
  if (!view) return std::nullopt;
  return std::string(*view);
}

Status read_batch(std::string_view bytes, const std::string& topic,
                  std::vector<RawRecord>& written) {
  const records::BatchView batch = TRY(records::parse_batch(bytes, records::BatchCheck::Shape));
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView view; reader.next(view);) {
    RawRecord& record = written.emplace_back();
    record.topic = topic;
    record.key = owned(view.key);
    record.value = owned(view.value);
    record.timestamp = view.timestamp;
    auto headers = view.headers();
    while (const auto header = headers.next())
      record.headers.push_back({std::string(header->key), owned(header->value)});
  }
  return reader.status();
}

}  // namespace

std::vector<std::string> source_topics(const QueryPlan& plan) {
  std::vector<std::string> topics;
  for (const StagePlan& stage : plan.stages) {
    for (const PlanNode& node : stage.nodes) {
      const auto* input = std::get_if<InputStep>(&node.step);
      if (input && !input->topic.empty() && std::ranges::find(topics, input->topic) == topics.end())
        topics.push_back(input->topic);
    }
  }
  return topics;
}

Result<std::unique_ptr<MemoryQuery>> MemoryQuery::make(const QueryPlan& plan, const Clock& clock,
                                                       size_t cached_entries,
                                                       const SchemaLookup& schemas) {
  std::unique_ptr<MemoryQuery> query(new MemoryQuery(plan, clock, cached_entries, schemas));
  TRY(query->build());
  return query;
}

PartitionRef MemoryQuery::topic_partition(const std::string& topic) const {
  const auto found = std::ranges::find(topics_, topic);
  return partition(Role::Source, static_cast<size_t>(found - topics_.begin()));
}
PartitionRef MemoryQuery::exchange_partition(int exchange) const {
  return partition(Role::Exchange, static_cast<size_t>(exchange));
}
// Returns the partition for the query's output. The query never reads this partition, even if the query writes to one
// of its own input topics.
PartitionRef MemoryQuery::sink_partition() const { return partition(Role::Sink, 0); }

// Returns the inputs of a stage's task. An exchange has one task on each side, so the only lane of a time-ordered
// exchange waits for no other lane.
std::vector<Task::Input> MemoryQuery::inputs_of(const StagePlan& stage) const {
  std::vector<Task::Input> inputs;
  for (const PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<InputStep>(&node.step);
    if (!input) continue;
    Task::Input from;
    from.input = static_cast<uint32_t>(inputs.size());
    from.is_exchange = input->exchange >= 0;
    from.partition =
        from.is_exchange ? exchange_partition(input->exchange) : topic_partition(input->topic);
    inputs.push_back(from);
  }
  return inputs;
}

Status MemoryQuery::build() {
  topics_ = source_topics(plan_);
  const auto properties = std::make_shared<const Properties>(plan_.properties);
  for (size_t stage = 0; stage < plan_.stages.size(); ++stage) {
    const StagePlan& stage_plan = plan_.stages[stage];
    const OutputPlan& output = stage_plan.output;
    const PartitionRef target =
        output.exchange >= 0 ? exchange_partition(output.exchange) : sink_partition();
    const bool is_time_ordered =
        output.exchange >= 0 &&
        plan_.exchanges[static_cast<size_t>(output.exchange)].is_time_ordered;
    StageEnd end = OutputTarget{target.topic, 1, 0, is_time_ordered};
    if (output.exchange < 0 && output.topic.empty()) end = CallbackOutput::Take([](Batch) {});
    TaskOptions options;
    options.merge_updates = false;
    options.schemas = &schemas_;
    tasks_.push_back(
        TRY(Task::make(fmt::format("{}/{}/0", plan_.id, stage), stage_plan, inputs_of(stage_plan),
                       std::move(end), log_, &sink_, clock_, kQuerySeed, properties, options)));
    Task& task = *tasks_.back();
    task.open_stores(
        [&](uint32_t store) -> Backing& { return checkpoints_.store(task.id(), store); });
  }
  return {};
}

Status MemoryQuery::feed(std::span<const RawRecord> records, std::vector<RawRecord>& written) {
  while (!records.empty()) {
    const auto end = std::ranges::find_if(
        records, [&](const RawRecord& record) { return record.topic != records.front().topic; });
    const auto count = static_cast<size_t>(end - records.begin());
    log_.append(topic_partition(records.front().topic), batch_of(records.first(count)));
    TRY(run_to_rest());
    records = records.subspan(count);
  }
  return drain(written);
}

Status MemoryQuery::run_to_rest() {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& task : tasks_) {
      StepResult result = task->step();
      while (result == StepResult::More) result = task->step();
      if (result == StepResult::Failed) return task->failure()->error;
    }
    moved = log_.deliver();
    for (const auto& task : tasks_) checkpoints_.shrink(*task, cached_entries_);
  }
  return {};
}

Status MemoryQuery::drain(std::vector<RawRecord>& written) {
  const std::string& topic = plan_.stages.back().output.topic;
  const std::vector<LogBatch>& batches = log_.batches_of(sink_partition());
  for (; drained_batches_ < batches.size(); ++drained_batches_)
    TRY(read_batch(batches[drained_batches_].bytes, topic, written));
  return {};
}

}  // namespace engine
