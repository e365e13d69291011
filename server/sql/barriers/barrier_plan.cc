#include "server/sql/barriers/barrier_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/exec/exchange_lanes.h"
#include "engine/plan/analysis.h"
#include "server/metadata/query_topics.h"
#include "server/sql/read/read_barrier.h"

namespace server {

namespace {

using Queries = std::set<const DefinedQuery*>;

// Returns the query and the queries that write its sources, directly or through other queries.
Queries upstream_of(const MetadataImage& image, const DefinedQuery& query) {
  const DefinedQuery* const one[] = {&query};
  const auto route = queries_on_the_way(image, one);
  return {route.begin(), route.end()};
}

// Returns whether one of the writers reads, directly or through other queries, the output of one of the readers:
// these queries form a cycle.
bool is_on_cycle(const MetadataImage& image, const std::vector<DefinedQueryPtr>& writers,
                 const Queries& readers) {
  return std::ranges::any_of(writers, [&](const DefinedQueryPtr& writer) {
    const Queries upstream = upstream_of(image, *writer);
    return std::ranges::any_of(
        readers, [&](const DefinedQuery* reader) { return upstream.contains(reader); });
  });
}

class Planning {
 public:
  explicit Planning(MetadataImagePtr image) { plan_.image = std::move(image); }

  Result<BarrierPlan> make(std::span<const DefinedQueryPtr> queries) {
    std::vector<const DefinedQuery*> asked;
    for (const DefinedQueryPtr& query : queries) asked.push_back(query.get());
    for (const DefinedQuery* query : queries_on_the_way(*plan_.image, asked))
      if (!engine::generator_of(*query->plan)) route_.push_back(query);
    for (const DefinedQuery* query : route_)
      for (const Uuid& topic : topics_read_by(*query)) readers_[topic].insert(query);
    for (const DefinedQuery* query : route_) TRY(add_stages(*query));
    for (size_t i = 0; i < plan_.stages.size(); ++i)
      if (const auto output = plan_.stages[i].output) plan_.topics[*output].writers.push_back(i);
    return std::move(plan_);
  }

 private:
  Status add_stages(const DefinedQuery& query) {
    plan_.query_ids.insert(query.plan->id);
    const MetadataImage& image = *plan_.image;
    for (size_t number = 0; number < query.plan->stages.size(); ++number) {
      const engine::StagePlan& of_plan = query.plan->stages[number];
      BarrierPlan::Stage stage;
      stage.query = image.find_query(query.plan->id);
      stage.stage = static_cast<int>(number);
      stage.tasks = task_count(query, of_plan, *image.topics);
      const auto& kept = query.plan->materialization;
      stage.keeps_table = kept && kept->stage == stage.stage;
      for (const engine::PlanNode& node : of_plan.nodes)
        if (const auto* input = std::get_if<engine::InputStep>(&node.step)) {
          const size_t topic = TRY(topic_of(query, *input));
          if (std::ranges::find(stage.inputs, topic) == stage.inputs.end())
            stage.inputs.push_back(topic);
        }
      for (const size_t topic : stage.inputs)
        plan_.topics[topic].readers.push_back(plan_.stages.size());
      TRY(add_output(query, of_plan, stage));
      plan_.stages.push_back(std::move(stage));
    }
    return {};
  }

  Result<size_t> topic_of(const DefinedQuery& query, const engine::InputStep& input) {
    const auto found = input_topic(query, input, *plan_.image->topics);
    if (!found)
      return Error{ErrorCode::ObjectState, fmt::format("topic \"{}\" of query {} was deleted",
                                                       input.topic, query.plan->id)};
    if (input.exchange >= 0) return numbers_.at(found->id);
    const auto [number, is_new] = numbers_.emplace(found->id, plan_.topics.size());
    if (!is_new) return number->second;
    BarrierPlan::Topic& topic = plan_.topics.emplace_back();
    topic.id = found->id;
    for (PartitionId i{0}; i < PartitionId{found->partition_count}; ++i)
      topic.partitions.push_back({found->id, i});
    return number->second;
  }

  Status add_output(const DefinedQuery& query, const engine::StagePlan& of_plan,
                    BarrierPlan::Stage& stage) {
    const auto written = output_topic(query, of_plan.output, *plan_.image->topics);
    if (!written) return {};
    if (of_plan.output.exchange >= 0) {
      const auto number = static_cast<size_t>(of_plan.output.exchange);
      const engine::ExchangeLanes lanes(query.plan->exchanges[number]);
      BarrierPlan::Topic& topic = plan_.topics.emplace_back();
      topic.id = written->id;
      topic.is_exchange = true;
      const auto writers = static_cast<int32_t>(stage.tasks);
      for (int32_t i = 0; i < lanes.partition_count(writers); ++i)
        if (!lanes.is_time_ordered() ||
            i % (written->partition_count + 1) != written->partition_count)
          topic.partitions.push_back({written->id, PartitionId(i)});
      stage.output = plan_.topics.size() - 1;
      numbers_[written->id] = *stage.output;
      return {};
    }
    const auto readers = readers_.find(written->id);
    if (readers == readers_.end()) return {};
    auto writers = writers_of_topic(*plan_.image, written->id);
    std::erase_if(writers, [](const DefinedQueryPtr& writer) {
      return engine::generator_of(*writer->plan) != nullptr;
    });
    if (is_on_cycle(*plan_.image, writers, readers->second)) return {};
    const auto known = numbers_.find(written->id);
    if (known != numbers_.end()) {
      stage.output = known->second;
      return {};
    }
    BarrierPlan::Topic& topic = plan_.topics.emplace_back();
    topic.id = written->id;
    for (PartitionId i{0}; i < PartitionId{written->partition_count}; ++i)
      topic.partitions.push_back({written->id, i});
    stage.output = plan_.topics.size() - 1;
    numbers_[written->id] = *stage.output;
    return {};
  }

  BarrierPlan plan_;
  std::vector<const DefinedQuery*> route_;
  std::map<Uuid, Queries> readers_;  // the queries of the route that read a topic
  std::map<Uuid, size_t> numbers_;   // indexes in the plan's topics
};

}  // namespace

Result<BarrierPlan> plan_barrier(MetadataImagePtr image, std::span<const DefinedQueryPtr> queries) {
  return Planning(std::move(image)).make(queries);
}

bool has_same_writers(const BarrierPlan& plan, const MetadataImage& now) {
  if (now.revision == plan.image->revision) return true;
  const auto are_same = [&](const BarrierPlan::Topic& topic) {
    return topic.is_exchange || std::ranges::equal(writers_of_topic(*plan.image, topic.id),
                                                   writers_of_topic(now, topic.id), {},
                                                   &DefinedQuery::plan, &DefinedQuery::plan);
  };
  return std::ranges::all_of(plan.topics, are_same);
}

}  // namespace server
