#include "server/sql/read/read_barrier.h"

#include <algorithm>

#include "engine/exec/recompute.h"
#include "server/metadata/query_topics.h"

namespace server {

namespace {

void visit(const MetadataImage& image, const DefinedQuery& query,
           std::set<const DefinedQuery*>& visited, std::vector<const DefinedQuery*>& route) {
  if (!visited.insert(&query).second) return;
  for (const Uuid& topic : topics_read_by(query))
    for (const DefinedQueryPtr& writer : writers_of_topic(image, topic))
      visit(image, *writer, visited, route);
  route.push_back(&query);
}

Error not_passed() {
  return {ErrorCode::ObjectState, "the records have not been processed completely"};
}

}  // namespace

std::vector<const DefinedQuery*> queries_on_the_way(const MetadataImage& image,
                                                    std::span<const DefinedQuery* const> queries) {
  std::set<const DefinedQuery*> visited;
  std::vector<const DefinedQuery*> route;
  for (const DefinedQuery* query : queries) visit(image, *query, visited, route);
  return route;
}

std::vector<storage::TopicPartition> partitions_read_by(
    const MetadataImage& image, std::span<const DefinedQuery* const> queries) {
  std::set<storage::TopicPartition> partitions;
  for (const DefinedQuery* query : queries)
    for (const engine::StagePlan& stage : query->plan->stages)
      for (const engine::PlanNode& node : stage.nodes) {
        const auto* input = std::get_if<engine::InputStep>(&node.step);
        if (!input || input->exchange >= 0) continue;
        const auto topic = input_topic(*query, *input, *image.topics);
        if (!topic || topic->id == kGeneratedRows) continue;
        for (PartitionId i{0}; i < PartitionId{topic->partition_count}; ++i)
          partitions.insert({topic->id, i});
      }
  return {partitions.begin(), partitions.end()};
}

ReadBarrier::ReadBarrier(SqlParts& parts, Shard& shard, MetadataImagePtr image,
                         const SessionWrites& ends, Mode mode, std::weak_ptr<const void> receiver,
                         std::function<void(Status)> passed)
    : parts_(parts),
      shard_(shard),
      image_(std::move(image)),
      mode_(mode),
      frontier_(ends),
      receiver_(std::move(receiver)),
      passed_(std::move(passed)) {}

std::shared_ptr<ReadBarrier> ReadBarrier::begin(SqlParts& parts, Shard& shard,
                                                MetadataImagePtr image,
                                                std::span<const DefinedQuery* const> queries,
                                                const SessionWrites& ends, Mode mode,
                                                std::weak_ptr<const void> receiver,
                                                std::function<void(Status)> passed) {
  parts.log.hurry();  // so that queued commits of tasks do not wait for client appends
  std::shared_ptr<ReadBarrier> barrier(new ReadBarrier(parts, shard, std::move(image), ends, mode,
                                                       std::move(receiver), std::move(passed)));
  for (const DefinedQuery* query : queries_on_the_way(*barrier->image_, queries))
    for (size_t stage = 0; stage < query->plan->stages.size(); ++stage)
      barrier->route_.push_back({query, static_cast<int>(stage)});
  barrier->next();
  return barrier;
}

std::vector<Uuid> ReadBarrier::inputs_of(const StageRef& ref) const {
  std::vector<Uuid> topics;
  for (const engine::PlanNode& node :
       ref.query->plan->stages[static_cast<size_t>(ref.stage)].nodes) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    if (!input) continue;
    if (const auto topic = input_topic(*ref.query, *input, *image_->topics))
      topics.push_back(topic->id);
  }
  return topics;
}

ReadBarrier::Targets ReadBarrier::targets_of(const StageRef& ref) const {
  Targets targets;
  for (const Uuid& topic : inputs_of(ref))
    for (const auto& [partition, end] : frontier_)
      if (partition.topic == topic) targets.emplace_back(partition, end);
  return targets;
}

void ReadBarrier::note_outputs(const StageRef& ref) {
  const engine::OutputPlan& output = ref.query->plan->stages[static_cast<size_t>(ref.stage)].output;
  const auto topic = output_topic(*ref.query, output, *image_->topics);
  if (!topic) return;
  // The partitions of an exchange are visited until one does not exist. `partition_count` would be
  // wrong: for an exchange it is the number of its reading tasks, and an exchange ordered by time
  // has more partitions.
  const PartitionId end{output.exchange >= 0 ? INT32_MAX : topic->partition_count};
  for (PartitionId i{0}; i < end; ++i) {
    if (const auto status = parts_.log.find_partition({topic->id, i}))
      frontier_[{topic->id, i}] = status->readable_end();
    else if (output.exchange >= 0)
      break;  // partitions are numbered without gaps, so the first missing one is the end
  }
}

void ReadBarrier::next() {
  for (; at_ < route_.size(); ++at_) {
    const StageRef ref = route_[at_];
    const Targets targets = targets_of(ref);
    // A stage is skipped if none of the ends lies in its inputs. The stage of a view is not
    // skipped, because a view shows no rows before its first computation.
    if (targets.empty() && !engine::view_step_of(*ref.query->plan)) continue;
    left_ = parts_.queries.shards().size();
    tasks_ = 0;
    for (Shard* shard : parts_.queries.shards())
      shard->post(
          [self = shared_from_this(), shard, ref, targets] { self->ask(*shard, ref, targets); });
    return;
  }
  end({});
}

// Runs on the loop of `shard`.
void ReadBarrier::ask(Shard& shard, const StageRef& ref, const Targets& targets) {
  const Shard::Passed now = shard.passed(ref.query->plan->id, ref.stage, targets);
  const auto answer = [self = shared_from_this(), ref, tasks = now.tasks](Status status) {
    self->shard_.post([self, ref, tasks, status = std::move(status)]() mutable {
      self->one_passed(ref, tasks, std::move(status));
    });
  };
  if (mode_ == Mode::Look) return answer(now.all ? Status() : Status(not_passed()));
  shard.when_passed(ref.query->plan->id, ref.stage, targets, receiver_, answer);
}

void ReadBarrier::one_passed(const StageRef& ref, size_t tasks, Status status) {
  tasks_ += tasks;
  if (!status && status_) status_ = std::move(status);
  if (--left_ > 0) return;
  if (!status_) return end(std::move(status_));
  // A shard without tasks of the stage answers at once. So if tasks are missing, for example while a query is being
  // rebuilt, the barrier fails instead of passing. With replicated journals this is not checked, because a node then
  // has only the tasks for whose journal it has a replica.
  const engine::StagePlan& stage = ref.query->plan->stages[static_cast<size_t>(ref.stage)];
  if (!parts_.definitions.facts().has_replicated_journals() &&
      tasks_ < task_count(*ref.query, stage, *image_->topics))
    return end(not_passed());
  note_outputs(ref);
  ++at_;
  next();
}

void ReadBarrier::end(Status status) {
  if (receiver_.lock()) passed_(std::move(status));
}

void ReadBarrier::ask_progress(std::function<void(Progress)> done) {
  struct Sum {
    Progress progress;
    size_t left;
  };
  auto sum = std::make_shared<Sum>();
  sum->progress.stage = at_;
  if (at_ == route_.size()) return done(sum->progress);
  const StageRef ref = route_[at_];
  const Targets targets = targets_of(ref);
  const auto& nodes = ref.query->plan->stages[static_cast<size_t>(ref.stage)].nodes;
  sum->progress.is_of_topics = std::ranges::none_of(nodes, [](const engine::PlanNode& node) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    return input && input->exchange >= 0;
  });
  sum->left = parts_.queries.shards().size();
  for (Shard* shard : parts_.queries.shards())
    shard->post([self = shared_from_this(), shard, ref, targets, sum, done] {
      const Shard::Passed passed = shard->passed(ref.query->plan->id, ref.stage, targets);
      std::optional<engine::ViewState> view;
      for (const ShardTask* task : shard->materializers(ref.query->plan->id))
        if (const auto* its = task->task->stage().view()) view = its->state();
      self->shard_.post([self, passed, view, sum, done] {
        sum->progress.records += passed.records;
        sum->progress.of_records += passed.of_records;
        sum->progress.positions += passed.positions;
        if (view) sum->progress.view = view;
        if (--sum->left == 0 && self->receiver_.lock()) done(sum->progress);
      });
    });
}

}  // namespace server
