// The members of the parts of a plan, by name. plan_json.cc writes and reads them, and
// upgrade_query.cc compares them. Include this file only in .cc files, because it includes
// simdjson.
#pragma once
#include "engine/catalog/catalog_json.h"
#include "engine/expr/bound_json.h"
#include "engine/plan/plan.h"

namespace engine {

template <>
struct JsonNames<StoreKind> {
  static constexpr std::pair<StoreKind, std::string_view> names[] = {
      {StoreKind::Rows, "rows"},
      {StoreKind::Aggregates, "aggregates"},
      {StoreKind::Ranges, "ranges"}};
};

template <>
struct JsonCodec<AggregateInstance> {
  static void write(JsonWriter& out, const AggregateInstance& instance);
  static bool read(const JsonValue& json, AggregateInstance& instance);
};

template <>
struct JsonNames<GeneratorKind> {
  static constexpr std::pair<GeneratorKind, std::string_view> names[] = {
      {GeneratorKind::Random, "random"},
      {GeneratorKind::Zipf, "zipf"},
      {GeneratorKind::Sequence, "sequence"},
      {GeneratorKind::Now, "now"}};
};
template <>
struct JsonFields<GeneratorRule> {
  static constexpr auto fields = std::tuple(
      json_field("kind", &GeneratorRule::kind), json_field("min", &GeneratorRule::min),
      json_field("max", &GeneratorRule::max), json_field("values", &GeneratorRule::values),
      json_field("prefix", &GeneratorRule::prefix), json_field("length", &GeneratorRule::length),
      json_field("nulls_per_million", &GeneratorRule::nulls_per_million));
};
template <>
struct JsonFields<GeneratorPlan> {
  static constexpr auto fields = std::tuple(
      json_field("rows_per_second", &GeneratorPlan::rows_per_second),
      json_field("number_of_rows", &GeneratorPlan::number_of_rows),
      json_field("seed", &GeneratorPlan::seed), json_field("start_ms", &GeneratorPlan::start_ms),
      json_field("rules", &GeneratorPlan::rules));
};

// ---- Steps ----

template <>
struct JsonFields<InputStep> {
  static constexpr auto fields = std::tuple(
      json_field("topic", &InputStep::topic), json_field("exchange", &InputStep::exchange),
      json_field("kind", &InputStep::kind), json_field("source", &InputStep::source_name),
      json_field("key_format", &InputStep::key_format),
      json_field("value_format", &InputStep::value_format),
      json_field("schema", &InputStep::schema), json_field("used", &InputStep::used),
      json_field("decodes_all", &InputStep::decodes_all), json_field("window", &InputStep::window),
      json_field("timestamp", &InputStep::timestamp), json_field("store", &InputStep::store),
      json_field("old_too", &InputStep::old_too), json_field("is_joined", &InputStep::is_joined),
      json_field("may_repeat", &InputStep::may_repeat),
      json_field("is_read_first", &InputStep::is_read_first),
      json_field("generator", &InputStep::generator));
};
template <>
struct JsonFields<FilterStep> {
  static constexpr auto fields =
      std::tuple(json_field("predicate", &FilterStep::predicate),
                 json_field("is_table", &FilterStep::is_table),
                 json_field("tells_all_deletes", &FilterStep::tells_all_deletes));
};
template <>
struct JsonFields<ProjectStep> {
  static constexpr auto fields = std::tuple(json_field("columns", &ProjectStep::columns),
                                            json_field("is_key", &ProjectStep::is_key),
                                            json_field("old_too", &ProjectStep::old_too));
};
template <>
struct JsonFields<FlatMapStep> {
  static constexpr auto fields = std::tuple(json_field("functions", &FlatMapStep::functions));
};
template <>
struct JsonFields<RegroupStep> {
  static constexpr auto fields = std::tuple(json_field("key_count", &RegroupStep::key_count),
                                            json_field("is_table", &RegroupStep::is_table));
};
template <>
struct JsonFields<AggregateWindow> {
  static constexpr auto fields = std::tuple(
      json_field("type", &AggregateWindow::type), json_field("size_ms", &AggregateWindow::size_ms),
      json_field("advance_ms", &AggregateWindow::advance_ms),
      json_field("grace_ms", &AggregateWindow::grace_ms),
      json_field("retention_ms", &AggregateWindow::retention_ms),
      json_field("part_ms", &AggregateWindow::part_ms));
};
template <>
struct JsonFields<AggregateCall> {
  static constexpr auto fields = std::tuple(json_field("call", &AggregateCall::instance),
                                            json_field("arguments", &AggregateCall::arguments));
};
template <>
struct JsonFields<AggregateStep> {
  static constexpr auto fields = std::tuple(
      json_field("key_count", &AggregateStep::key_count),
      json_field("calls", &AggregateStep::calls), json_field("window", &AggregateStep::window),
      json_field("final_only", &AggregateStep::final_only),
      json_field("loses_old_finals", &AggregateStep::loses_old_finals),
      json_field("is_table", &AggregateStep::is_table),
      json_field("old_too", &AggregateStep::old_too), json_field("store", &AggregateStep::store),
      json_field("key_format", &AggregateStep::key_format));
};
template <>
struct JsonFields<StreamTableJoinStep> {
  static constexpr auto fields =
      std::tuple(json_field("type", &StreamTableJoinStep::type),
                 json_field("stream_key", &StreamTableJoinStep::stream_key),
                 json_field("store", &StreamTableJoinStep::store),
                 json_field("key_format", &StreamTableJoinStep::key_format));
};

template <>
struct JsonFields<StreamStreamJoinStep> {
  static constexpr auto fields =
      std::tuple(json_field("type", &StreamStreamJoinStep::type),
                 json_field("left_key", &StreamStreamJoinStep::left_key),
                 json_field("right_key", &StreamStreamJoinStep::right_key),
                 json_field("left_used", &StreamStreamJoinStep::left_used),
                 json_field("right_used", &StreamStreamJoinStep::right_used),
                 json_field("before_ms", &StreamStreamJoinStep::before_ms),
                 json_field("after_ms", &StreamStreamJoinStep::after_ms),
                 json_field("grace_ms", &StreamStreamJoinStep::grace_ms),
                 json_field("is_eager", &StreamStreamJoinStep::is_eager),
                 json_field("part_ms", &StreamStreamJoinStep::part_ms),
                 json_field("left_store", &StreamStreamJoinStep::left_store),
                 json_field("right_store", &StreamStreamJoinStep::right_store),
                 json_field("pending_store", &StreamStreamJoinStep::pending_store),
                 json_field("key_format", &StreamStreamJoinStep::key_format));
};

template <>
struct JsonFields<TableTableJoinStep> {
  static constexpr auto fields =
      std::tuple(json_field("type", &TableTableJoinStep::type),
                 json_field("left_key", &TableTableJoinStep::left_key),
                 json_field("right_key", &TableTableJoinStep::right_key),
                 json_field("left_store", &TableTableJoinStep::left_store),
                 json_field("right_store", &TableTableJoinStep::right_store),
                 json_field("store", &TableTableJoinStep::store),
                 json_field("used", &TableTableJoinStep::used),
                 json_field("old_too", &TableTableJoinStep::old_too));
};

template <>
struct JsonFields<ForeignKeySubscribeStep> {
  static constexpr auto fields =
      std::tuple(json_field("foreign_key", &ForeignKeySubscribeStep::foreign_key),
                 json_field("columns", &ForeignKeySubscribeStep::columns),
                 json_field("key_count", &ForeignKeySubscribeStep::key_count));
};
template <>
struct JsonFields<ForeignKeyJoinStep> {
  static constexpr auto fields =
      std::tuple(json_field("type", &ForeignKeyJoinStep::type),
                 json_field("key_count", &ForeignKeyJoinStep::key_count),
                 json_field("right_columns", &ForeignKeyJoinStep::right_columns),
                 json_field("right_store", &ForeignKeyJoinStep::right_store),
                 json_field("store", &ForeignKeyJoinStep::store),
                 json_field("key_format", &ForeignKeyJoinStep::key_format),
                 json_field("left_format", &ForeignKeyJoinStep::left_format));
};
template <>
struct JsonFields<ForeignKeyResolveStep> {
  static constexpr auto fields =
      std::tuple(json_field("key_count", &ForeignKeyResolveStep::key_count),
                 json_field("store", &ForeignKeyResolveStep::store),
                 json_field("moving_store", &ForeignKeyResolveStep::moving_store),
                 json_field("key_format", &ForeignKeyResolveStep::key_format),
                 json_field("old_too", &ForeignKeyResolveStep::old_too));
};

// Null: no view. engine/plan/view_json.cc has the members.
template <>
struct JsonCodec<std::shared_ptr<const ViewPlan>> {
  static void write(JsonWriter& out, const std::shared_ptr<const ViewPlan>& view);
  static bool read(const JsonValue& json, std::shared_ptr<const ViewPlan>& view);
};
template <>
struct JsonFields<RecomputeStep> {
  static constexpr auto fields =
      std::tuple(json_field("view", &RecomputeStep::view),
                 json_field("stream_stores", &RecomputeStep::stream_stores),
                 json_field("store", &RecomputeStep::store),
                 json_field("key_format", &RecomputeStep::key_format));
};

// A plan node is one JSON object: the name of its step, its inputs, its layout, and next to them the members of the
// step.
template <>
struct JsonCodec<PlanNode> {
  static void write(JsonWriter& out, const PlanNode& node);
  static bool read(const JsonValue& json, PlanNode& node);
};

// ---- Stages ----

template <>
struct JsonFields<OutputPlan> {
  static constexpr auto fields = std::tuple(
      json_field("topic", &OutputPlan::topic), json_field("exchange", &OutputPlan::exchange),
      json_field("schema", &OutputPlan::schema), json_field("key_format", &OutputPlan::key_format),
      json_field("value_format", &OutputPlan::value_format),
      json_field("window", &OutputPlan::window), json_field("is_table", &OutputPlan::is_table),
      json_field("key_is_made", &OutputPlan::key_is_made),
      json_field("timestamp_column", &OutputPlan::timestamp_column),
      json_field("timestamp_format", &OutputPlan::timestamp_format),
      json_field("spreads_keyless", &OutputPlan::spreads_keyless));
};
template <>
struct JsonFields<StorePlan> {
  static constexpr auto fields =
      std::tuple(json_field("kind", &StorePlan::kind), json_field("name", &StorePlan::name),
                 json_field("node", &StorePlan::node));
};
template <>
struct JsonFields<StagePlan> {
  static constexpr auto fields =
      std::tuple(json_field("nodes", &StagePlan::nodes), json_field("stores", &StagePlan::stores),
                 json_field("output", &StagePlan::output),
                 json_field("merges_partitions", &StagePlan::merges_partitions));
};
template <>
struct JsonFields<ExchangePlan> {
  static constexpr auto fields =
      std::tuple(json_field("topic", &ExchangePlan::topic),
                 json_field("key_format", &ExchangePlan::key_format),
                 json_field("value_format", &ExchangePlan::value_format),
                 json_field("schema", &ExchangePlan::schema),
                 json_field("partitions", &ExchangePlan::partitions),
                 json_field("is_time_ordered", &ExchangePlan::is_time_ordered));
};
template <>
struct JsonFields<MaterializationPlan> {
  static constexpr auto fields =
      std::tuple(json_field("stage", &MaterializationPlan::stage),
                 json_field("store", &MaterializationPlan::store),
                 json_field("filter", &MaterializationPlan::filter),
                 json_field("columns", &MaterializationPlan::columns),
                 json_field("key_schema", &MaterializationPlan::key_schema),
                 json_field("key_format", &MaterializationPlan::key_format),
                 json_field("is_windowed", &MaterializationPlan::is_windowed));
};
template <>
struct JsonFields<QueryPlan> {
  static constexpr auto fields = std::tuple(
      json_field("id", &QueryPlan::id), json_field("kind", &QueryPlan::kind),
      json_field("sources", &QueryPlan::sources), json_field("stages", &QueryPlan::stages),
      json_field("exchanges", &QueryPlan::exchanges),
      json_field("properties", &QueryPlan::properties),
      json_field("materialization", &QueryPlan::materialization));
};

}  // namespace engine
