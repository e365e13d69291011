#include "engine/plan/generator_rules.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/plan/analysis.h"
#include "engine/plan/generator_columns.h"
#include "engine/plan/stage_builder.h"
#include "engine/types/text_time.h"

namespace engine {
namespace {

// Limit for the bytes that are generated in a second, if all rows have their largest size.
constexpr int64_t kMaxBytesPerSecond = 256 << 20;

// Returns the largest size of a value as text, which is about its size in JSON.
int64_t most_bytes(const GeneratorRule& rule) {
  constexpr size_t kNumberBytes = 40;
  size_t bytes = rule.prefix.size() + kNumberBytes;
  for (const std::string& value : rule.values) bytes = std::max(bytes, value.size());
  return std::max(static_cast<int64_t>(bytes), rule.length);
}

Status check_size(const GeneratorPlan& generator, const Property& property) {
  int64_t bytes = 0;
  for (const GeneratorRule& rule : generator.rules) bytes += most_bytes(rule);
  if (bytes > kMaxGeneratedRowBytes)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("generated rows of up to {} bytes are too large: the limit is {}",
                             bytes, kMaxGeneratedRowBytes)}
        .at(property.position)
        .with_hint("Use a smaller 'fields.COLUMN.length'.");
  if (bytes * generator.rows_per_second > kMaxBytesPerSecond)
    return Error{
        ErrorCode::LimitExceeded,
        fmt::format("{} rows of up to {} bytes per second are too many: the limit is {} bytes",
                    generator.rows_per_second, bytes, kMaxBytesPerSecond)}
        .at(property.position)
        .with_hint("Use a lower ROWS_PER_SECOND or smaller rows.");
  return {};
}

// Properties that only generated sources have.
constexpr std::string_view kGeneratorProperties[] = {"ROWS_PER_SECOND", "NUMBER_OF_ROWS", "SEED",
                                                     "START_TIME"};

Status check_no_generator(const PropertyList& properties) {
  for (const Property& property : properties)
    if (is_generator_rule(property) ||
        std::ranges::find(kGeneratorProperties, property.name) != std::end(kGeneratorProperties))
      return invalid_property(property,
                              fmt::format("property {} requires a generated stream or table",
                                          property.written_name))
          .with_hint("Add GENERATOR = 'datagen'.");
  return {};
}

Status check_source(const DataSource& source, const Property& property) {
  if (source.read_only)
    return invalid_property(property,
                            "a SOURCE stream or table is read-only, so it cannot be generated");
  if (source.window)
    return Error{ErrorCode::NotSupported, "generation of windowed keys is not supported yet"}.at(
        property.position);
  return {};
}

}  // namespace

bool is_generator_rule(const Property& property) { return property.name.starts_with(kRulePrefix); }

Result<std::optional<GeneratorPlan>> read_generator(const PropertyList& properties,
                                                    const DataSource& source) {
  const Property* const asked = find_property(properties, "GENERATOR");
  if (!asked) {
    TRY(check_no_generator(properties));
    return std::optional<GeneratorPlan>();
  }
  if (absl::AsciiStrToLower(asked->text()) != "datagen") return invalid_value(*asked, "'datagen'");
  TRY(check_source(source, *asked));
  GeneratorPlan generator;
  std::vector<ColumnRules> columns(source.schema.columns.size());
  for (const Property& property : properties) {
    if (is_generator_rule(property)) TRY(note_rule(property, source.schema, columns));
    if (property.name == "ROWS_PER_SECOND")
      generator.rows_per_second =
          TRY(read_count(property, 1, kMaxGeneratedRowsPerSecond, "a number from 1 to 1000000"));
    if (property.name == "NUMBER_OF_ROWS")
      generator.number_of_rows = TRY(read_count(property, 1, INT64_MAX / 2, "a number from 1 on"));
    if (property.name == "SEED")
      generator.seed = TRY(read_count(property, INT64_MIN, INT64_MAX, "a BIGINT"));
    if (property.name == "START_TIME") {
      generator.start_ms = parse_timestamp(property.text());
      if (!generator.start_ms || *generator.start_ms < 0)
        return invalid_value(property, "a time from 1970 on, such as '2026-01-01T00:00:00'");
    }
  }
  for (size_t i = 0; i < columns.size(); ++i)
    generator.rules.push_back(TRY(read_rules(source.schema.columns[i], source.kind, columns[i])));
  TRY(check_size(generator, *asked));
  return std::optional<GeneratorPlan>(std::move(generator));
}

QueryPlan plan_generator(const DataSource& source, GeneratorPlan generator, std::string query_id) {
  InputStep input;
  input.kind = SourceKind::Stream;  // rows of a table are written as records, too; no state is kept
  input.source_name = source.name;
  input.key_format = input.value_format = FormatSpec{"NONE"};
  input.schema = source.schema;
  input.generator = std::move(generator);
  PlanNode made{std::move(input), {}, input_layout(source, "")};
  const size_t column_count = source.schema.columns.size();
  auto& used = std::get<InputStep>(made.step).used;
  used.assign(made.layout.size(), false);
  std::fill_n(used.begin(), column_count, true);

  ProjectStep columns;
  PlanNode written{{}, {0}, {}};
  for (uint32_t i = 0; i < column_count; ++i) {
    columns.columns.push_back(column_expression(made.layout[i].type, i));
    columns.is_key.push_back(source.schema.columns[i].role == ColumnRole::Key);
    written.layout.push_back(made.layout[i]);
  }
  written.step = std::move(columns);

  StagePlan stage;
  stage.nodes.push_back(std::move(made));
  stage.nodes.push_back(std::move(written));
  stage.output.topic = source.topic;
  stage.output.schema = source.schema;
  stage.output.key_format = source.key_format;
  stage.output.value_format = source.value_format;
  stage.output.spreads_keyless = true;
  QueryPlan plan;
  plan.id = std::move(query_id);
  plan.stages.push_back(std::move(stage));
  return plan;
}

}  // namespace engine
