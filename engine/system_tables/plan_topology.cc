// Prints a query's plan as Kafka Streams describes processors, and as a picture.
#include <fmt/format.h>

#include <algorithm>

#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

struct ProcessorWord {
  std::string operator()(const InputStep& step) const {
    return step.kind == SourceKind::Stream || step.exchange >= 0 ? "KSTREAM-SOURCE"
                                                                 : "KTABLE-SOURCE";
  }
  std::string operator()(const FilterStep& step) const {
    return step.is_table ? "KTABLE-FILTER" : "KSTREAM-FILTER";
  }
  std::string operator()(const ProjectStep&) const { return "KSTREAM-TRANSFORMVALUES"; }
  std::string operator()(const FlatMapStep&) const { return "KSTREAM-FLATMAPVALUES"; }
  std::string operator()(const RegroupStep&) const { return "KSTREAM-KEY-SELECT"; }
  std::string operator()(const AggregateStep&) const { return "KSTREAM-AGGREGATE"; }
  std::string operator()(const StreamTableJoinStep&) const { return "KSTREAM-JOIN"; }
  std::string operator()(const StreamStreamJoinStep&) const { return "KSTREAM-MERGE"; }
  std::string operator()(const TableTableJoinStep&) const { return "KTABLE-MERGE"; }
  std::string operator()(const ForeignKeySubscribeStep&) const {
    return "KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION";
  }
  std::string operator()(const ForeignKeyJoinStep&) const {
    return "KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR";
  }
  std::string operator()(const RecomputeStep&) const { return "VIEW-RECOMPUTE"; }
  std::string operator()(const ForeignKeyResolveStep&) const {
    return "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR";
  }
};

std::string topic_of(const QueryPlan& plan, const std::string& topic, int exchange) {
  return exchange >= 0 ? plan.exchanges.at(static_cast<size_t>(exchange)).topic : topic;
}

// The processors of one stage. They are numbered over the whole query, as in Kafka Streams.
class StageTopology {
 public:
  StageTopology(const QueryPlan& plan, const StagePlan& stage, size_t& next_number)
      : plan_(plan), stage_(stage) {
    for (const PlanNode& node : stage.nodes)
      names_.push_back(numbered(std::visit(ProcessorWord(), node.step), next_number));
    if (writes()) names_.push_back(numbered("KSTREAM-SINK", next_number));
  }

  void print(std::vector<std::string>& lines) const {
    for (size_t i = 0; i < stage_.nodes.size(); ++i) {
      const PlanNode& node = stage_.nodes[i];
      if (const auto* input = std::get_if<InputStep>(&node.step))
        lines.push_back(fmt::format("    Source: {} (topics: [{}])", names_[i],
                                    topic_of(plan_, input->topic, input->exchange)));
      else
        lines.push_back(
            fmt::format("    Processor: {} (stores: [{}])", names_[i], join_list(stores_of(i))));
      lines.push_back("      --> " + names_or_none(after(i)));
      std::vector<std::string> before;
      for (const int from : node.from) before.push_back(names_[static_cast<size_t>(from)]);
      if (!before.empty()) lines.push_back("      <-- " + join_list(before));
    }
    if (!writes()) return;
    lines.push_back(fmt::format("    Sink: {} (topic: {})", names_.back(), written_topic()));
    lines.push_back("      <-- " + names_[stage_.nodes.size() - 1]);
  }

 private:
  static std::string numbered(const std::string& word, size_t& number) {
    return fmt::format("{}-{:010}", word, number++);
  }
  static std::string names_or_none(const std::vector<std::string>& names) {
    return names.empty() ? "none" : join_list(names);
  }
  std::string written_topic() const {
    return topic_of(plan_, stage_.output.topic, stage_.output.exchange);
  }
  bool writes() const { return !stage_.output.topic.empty() || stage_.output.exchange >= 0; }

  std::vector<std::string> stores_of(size_t node) const {
    std::vector<std::string> names;
    for (const StorePlan& store : stage_.stores)
      if (store.node == static_cast<int>(node)) names.push_back(store.name);
    return names;
  }
  std::vector<std::string> after(size_t node) const {
    std::vector<std::string> names;
    for (size_t i = node + 1; i < stage_.nodes.size(); ++i)
      if (std::ranges::find(stage_.nodes[i].from, static_cast<int>(node)) !=
          stage_.nodes[i].from.end())
        names.push_back(names_[i]);
    if (node + 1 == stage_.nodes.size() && writes()) names.push_back(names_.back());
    return names;
  }

  const QueryPlan& plan_;
  const StagePlan& stage_;
  std::vector<std::string> names_;  // by node; the last one is the name of the sink
};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::vector<std::string> topology_lines(const QueryPlan& plan) {
  std::vector<std::string> lines{"Topologies:"};
  size_t number = 0;
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    lines.push_back(fmt::format("   Sub-topology: {}", i));
    StageTopology(plan, plan.stages[i], number).print(lines);
  }
  return lines;
}

// Returns a picture of the plan in Graphviz's language. Topics and exchanges are cylinders between
// the stages; each stage is a box around its steps.
std::vector<std::string> dot_lines(const QueryPlan& plan) {
  std::vector<std::string> lines{"digraph " + quoted(plan.id) + " {",
                                 "  rankdir=TB; node [shape=box, fontname=\"sans-serif\"];"},
      edges;
  std::vector<std::string> topics;
  const auto topic = [&](const std::string& name) {
    if (std::ranges::find(topics, name) == topics.end()) topics.push_back(name);
    return quoted("topic " + name);
  };
  for (size_t s = 0; s < plan.stages.size(); ++s) {
    const StagePlan& stage = plan.stages[s];
    lines.push_back(fmt::format("  subgraph cluster_{} {{ label=\"stage {}\";", s, s + 1));
    for (size_t i = 0; i < stage.nodes.size(); ++i) {
      const PlanNode& node = stage.nodes[i];
      lines.push_back(
          fmt::format("    s{}_{} [label={}];", s, i, quoted(step_line(plan, stage, node))));
      if (const auto* input = std::get_if<InputStep>(&node.step); input && !input->generator)
        edges.push_back(fmt::format("  {} -> s{}_{};",
                                    topic(topic_of(plan, input->topic, input->exchange)), s, i));
      for (const int from : node.from)
        edges.push_back(fmt::format("  s{0}_{1} -> s{0}_{2};", s, from, i));
    }
    lines.push_back("  }");
    if (!stage.output.topic.empty() || stage.output.exchange >= 0)
      edges.push_back(
          fmt::format("  s{}_{} -> {};", s, stage.nodes.size() - 1,
                      topic(topic_of(plan, stage.output.topic, stage.output.exchange))));
  }
  for (const std::string& name : topics)
    lines.push_back(
        fmt::format("  {} [shape=cylinder, label={}];", quoted("topic " + name), quoted(name)));
  lines.insert(lines.end(), edges.begin(), edges.end());
  lines.emplace_back("}");
  return lines;
}

}  // namespace engine
