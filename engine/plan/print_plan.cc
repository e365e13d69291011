#include "engine/plan/print_plan.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/functions/session_zone.h"
#include "engine/plan/stage_builder.h"
#include "engine/plan/topic_name.h"

namespace engine {

namespace {

Result<int64_t> whole_number(const Property& property) {
  int64_t number = 0;
  if (absl::SimpleAtoi(property.text(), &number)) return number;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("Invalid value {} for topic property {}: it is not a whole number",
                           property.text(), property.name)}
      .at(property.position);
}

}  // namespace

Result<PlannedQuery> plan_print(const Print& print, const PlanContext& context) {
  const TopicDescription topic = TRY(topic_of_print(print.topic, context.topics, context.settings));
  const int64_t interval = print.interval.value_or(1);
  if (interval < 1)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("INTERVAL must be greater than one, but was: {}", interval)};

  DataSource source;
  source.name = source.topic = topic.name;
  if (context.may_read) TRY((*context.may_read)(source));
  source.schema.columns = {{"KEY", TypeKind::Bytes, ColumnRole::Key},
                           {"VALUE", TypeKind::Bytes, ColumnRole::Value}};
  source.key_format = source.value_format = FormatSpec{"KAFKA"};
  PlanNode node{read_topic(source), {}, input_layout(source, "")};
  std::get<InputStep>(node.step).used.assign(node.layout.size(), true);
  PlannedQuery planned;
  for (const LayoutColumn& column : node.layout)
    planned.result.columns.push_back({column.name, column.type, ColumnRole::Value});
  StagePlan stage;
  stage.nodes.push_back(std::move(node));
  stage.output.schema = planned.result;
  stage.output.is_table = true;  // records without a value are shown, too
  planned.plan.id = "print_" + topic.name;
  planned.plan.sources = {topic.name};
  planned.plan.stages.push_back(std::move(stage));
  planned.plan.properties = without_session_forms(context.properties);
  planned.plan.properties["auto.offset.reset"] = print.from_beginning ? "earliest" : "latest";
  if (print.limit && *print.limit <= 0) planned.limit = 0;
  // A limit beyond this range is unreachable, so it is ignored.
  else if (print.limit && *print.limit - 1 <= (INT64_MAX - 1) / interval)
    planned.limit = (*print.limit - 1) * interval + 1;
  return planned;
}

Result<std::optional<std::string>> refute(const AssertTopic& assertion, const Topics& topics) {
  const auto topic = find_topic(assertion.topic, topics);
  std::optional<std::string> wrong;
  for (const Property& property : assertion.properties) {
    const std::string& name = property.name;
    if (name != "PARTITIONS" && name != "REPLICAS")
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("Cannot assert unknown topic property: {}", name),
                   {},
                   "ASSERT supports PARTITIONS and REPLICAS."}
          .at(property.position);
    const int64_t expected = TRY(whole_number(property));
    if (!topic) continue;
    const int64_t present = name == "PARTITIONS" ? topic->partitions : topic->replicas;
    if (expected != present)
      wrong =
          fmt::format("Mismatched configuration for topic {}: For config {}, expected {} got {}",
                      topic->name, absl::AsciiStrToLower(name), expected, present);
  }
  if (assertion.exists && !topic)
    return std::optional(fmt::format("Topic {} does not exist", assertion.topic.text));
  // ASSERT NOT EXISTS TOPIC with properties is true unless the topic exists and has exactly these
  // properties.
  if (!assertion.exists)
    return topic && !wrong ? std::optional(fmt::format("Topic {} exists", topic->name))
                           : std::nullopt;
  return wrong;
}

Result<std::optional<std::string>> refute(const AssertSchema& assertion,
                                          const SchemaRegistry& registry) {
  if (!assertion.subject && !assertion.id)
    return Error{.code = ErrorCode::InvalidParameter,
                 .message = "Assert schema statements must include a subject name or an id",
                 .hint = "Use ASSERT SCHEMA SUBJECT name, or ID number, or both.",
                 .ksqldb = "ASSERT SCHEMA statements much include a subject name or an id"};
  const std::string subject = assertion.subject ? assertion.subject->text : "";
  std::string what = "Schema";
  if (assertion.subject) what += " with subject name " + subject;
  if (assertion.id)
    what += fmt::format("{} id {}", assertion.subject ? " and" : " with", *assertion.id);
  bool is_there = false;
  if (!assertion.id) {
    is_there = registry.latest(subject).has_value();
  } else if (*assertion.id >= 0 && *assertion.id <= INT32_MAX) {
    const auto uses = registry.uses_of(static_cast<int32_t>(*assertion.id));
    is_there = std::ranges::any_of(uses, [&](const SchemaVersion& use) {
      return !assertion.subject || use.subject == subject;
    });
  }
  if (is_there == assertion.exists) return std::optional<std::string>();
  return std::optional(what + (assertion.exists ? " does not exist" : " exists"));
}

}  // namespace engine
