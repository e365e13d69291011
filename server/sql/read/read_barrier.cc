#include "server/sql/read/read_barrier.h"

#include <algorithm>
#include <set>

#include "server/metadata/query_topics.h"

namespace server {

namespace {

struct StageRef {
  const DefinedQuery* query;
  int stage;
};

// Goes through the stages between the written topics and the queries, in the order of the flow.
// Behind each the ends of what it writes join the positions that the next must pass.
class Barrier : public std::enable_shared_from_this<Barrier> {
 public:
  Barrier(SqlParts& parts, Shard& shard, MetadataImagePtr image, const SessionWrites& written,
          std::weak_ptr<const void> interest, std::function<void(Status)> passed)
      : parts_(parts),
        shard_(shard),
        image_(std::move(image)),
        frontier_(written),
        interest_(std::move(interest)),
        passed_(std::move(passed)) {}

  void begin(const std::vector<const DefinedQuery*>& queries) {
    for (const DefinedQuery* query : queries) visit(*query);
    next();
  }

 private:
  // Writers of what a query reads come before the query.
  void visit(const DefinedQuery& query) {
    if (!visited_.insert(&query).second) return;
    for (const std::string& source : query.query->sources)
      for (const DefinedQueryPtr& writer : image_->writers_of(source)) visit(*writer);
    for (size_t stage = 0; stage < query.plan->stages.size(); ++stage)
      route_.push_back({&query, static_cast<int>(stage)});
  }

  std::vector<Uuid> inputs_of(const StageRef& ref) const {
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

  std::vector<std::pair<engine::PartitionRef, Offset>> targets_of(const StageRef& ref) const {
    std::vector<std::pair<engine::PartitionRef, Offset>> targets;
    for (const Uuid& topic : inputs_of(ref))
      for (const auto& [partition, end] : frontier_)
        if (partition.topic == topic) targets.emplace_back(partition, end);
    return targets;
  }

  void note_outputs(const StageRef& ref) {
    const engine::OutputPlan& output =
        ref.query->plan->stages[static_cast<size_t>(ref.stage)].output;
    const auto topic = output_topic(*ref.query, output, *image_->topics);
    if (!topic) return;
    // An exchange may have more partitions than readers.
    const PartitionId end{output.exchange >= 0 ? INT32_MAX : topic->partition_count};
    for (PartitionId i{0}; i < end; ++i) {
      if (const auto status = parts_.log.find_partition({topic->id, i}))
        frontier_[{topic->id, i}] = status->readable_end();
      else if (output.exchange >= 0)
        break;  // they are numbered without gaps
    }
  }

  void next() {
    while (at_ < route_.size()) {
      const StageRef ref = route_[at_++];
      const auto targets = targets_of(ref);
      if (targets.empty()) continue;  // nothing of ours comes this way
      left_ = parts_.queries.shards().size();
      for (Shard* shard : parts_.queries.shards())
        shard->post([self = shared_from_this(), shard, ref, targets] {
          const auto one_passed = [self, ref](Status status) {
            self->shard_.post([self, ref, status = std::move(status)]() mutable {
              self->one_passed(ref, std::move(status));
            });
          };
          shard->when_passed(ref.query->plan->id, ref.stage, targets, self->interest_, one_passed);
        });
      return;
    }
    passed_({});
  }

  void one_passed(const StageRef& ref, Status status) {
    if (!status && status_) status_ = std::move(status);
    if (--left_ > 0) return;
    if (!status_) return passed_(std::move(status_));
    note_outputs(ref);
    next();
  }

  SqlParts& parts_;
  Shard& shard_;
  const MetadataImagePtr image_;
  SessionWrites frontier_;
  const std::weak_ptr<const void> interest_;
  std::function<void(Status)> passed_;
  std::set<const DefinedQuery*> visited_;
  std::vector<StageRef> route_;
  size_t at_ = 0, left_ = 0;
  Status status_;
};

}  // namespace

void wait_for_written(SqlParts& parts, Shard& shard, MetadataImagePtr image,
                      const std::vector<const DefinedQuery*>& queries, const SessionWrites& written,
                      std::weak_ptr<const void> interest, std::function<void(Status)> passed) {
  if (written.empty()) return passed({});
  parts.log.hurry();  // tasks may not have been told of it yet
  std::make_shared<Barrier>(parts, shard, std::move(image), written, std::move(interest),
                            std::move(passed))
      ->begin(queries);
}

}  // namespace server
