#include "engine/registry/registrar.h"

#include <absl/strings/match.h>
#include <fmt/format.h>

#include "engine/formats/schema/schema_bundle.h"

namespace engine {

namespace {

std::string_view word_of(Side side) { return side == Side::Key ? "key" : "value"; }

Error invalid(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

std::string list_of(std::span<const ColumnDef> columns) {
  std::vector<ColumnDef> bare(columns.begin(), columns.end());
  for (ColumnDef& column : bare) column.role = ColumnRole::Value;
  return "[" + Schema{std::move(bare)}.to_string() + "]";
}

Error not_there(const FormatSpec& spec, std::string_view topic, Side side) {
  Error error =
      invalid(fmt::format("Schema for message {}s on topic '{}' does not exist in the "
                          "Schema Registry.",
                          word_of(side), topic));
  error.detail = spec.schema_id != 0 ? fmt::format("Schema Id: {}", spec.schema_id)
                                     : fmt::format("Subject: {}", subject_of(topic, side));
  error.hint =
      "Register the schema first, or declare the columns after the name: they are then the schema.";
  return error;
}

// Whether the declared columns are the first fields of the schema, in order: what is behind them has a
// default, which the writer sees to.
bool is_prefix(std::span<const ColumnDef> columns, std::span<const ColumnDef> fields) {
  if (columns.size() > fields.size()) return false;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name != fields[i].name || !(columns[i].type == fields[i].type)) return false;
  return true;
}

}  // namespace

std::string subject_of(std::string_view topic, Side side) {
  return fmt::format("{}-{}", topic, word_of(side));
}

Result<std::vector<ColumnDef>> Registrar::infer(const FormatSpec& spec, std::string_view topic,
                                                Side side) const {
  SchemaTextPtr schema;
  if (spec.schema_id != 0) {
    schema = registry_.find_schema(spec.schema_id);
  } else if (const auto latest = registry_.latest(subject_of(topic, side))) {
    schema = registry_.find_schema(latest->id);
  }
  if (!schema) return not_there(spec, topic, side);
  if (schema->kind != schema_kind_of(spec.name))
    return invalid(fmt::format("{} schema id has schema type {}, and the format is {}",
                               side == Side::Key ? "Key" : "Value", schema_kind_name(schema->kind),
                               spec.name));
  auto columns =
      infer_columns(spec, *schema, side, spec.schema_id != 0 ? NameCase::Exact : NameCase::Upper);
  if (columns) return columns;
  if (columns.error().code == ErrorCode::UndefinedObject) return not_there(spec, topic, side);
  Error error = columns.error();
  error.message = fmt::format(
      "Unable to verify if the {} schema for topic '{}' is compatible with "
      "ksqlDB.\nReason: {}",
      word_of(side), topic, error.message);
  return error;
}

Result<FormatSpec> Registrar::with_given_schema(FormatSpec spec, std::span<const ColumnDef> columns,
                                                Side side) const {
  const SchemaTextPtr schema = registry_.find_schema(spec.schema_id);
  if (!schema) return not_there(spec, "", side);
  if (schema->kind != schema_kind_of(spec.name))
    return invalid(fmt::format("schema id {} is of the type {}, and the format is {}",
                               spec.schema_id, schema_kind_name(schema->kind), spec.name));
  const std::vector<ColumnDef> fields = TRY(infer_columns(spec, *schema, side, NameCase::Exact));
  const bool is_single = side == Side::Key && columns.size() == 1 && fields.size() == 1;
  const bool fits = is_single ? columns[0].type == fields[0].type : is_prefix(columns, fields);
  if (!fits)
    return invalid(
        fmt::format("The following {} columns are changed, missing or reordered: {}. Schema from "
                    "schema registry is {}",
                    word_of(side), list_of(columns), list_of(fields)));
  spec.schema = bundle_schema(*schema);
  TRY(make_writer(spec, columns, side));
  return spec;
}

Result<FormatSpec> Registrar::with_schema(FormatSpec spec, std::string_view topic,
                                          std::span<const ColumnDef> columns, Side side,
                                          Write write) {
  if (!names_schema(spec) || columns.empty()) return spec;
  if (spec.schema_id != 0) return with_given_schema(std::move(spec), columns, side);
  const std::string subject = subject_of(topic, side);
  const std::optional<SchemaVersion> latest = registry_.latest(subject);
  const SchemaText derived = derive_schema(spec, columns, side);
  RegisteredSchema schema{.kind = derived.kind, .text = derived.text};
  if (latest && write == Write::Source) {
    const auto same = registry_.look_up(subject, schema);
    // Written in the newest one if it can hold the columns; else the stream can only be read.
    spec.schema_id = same ? same->id : latest->id;
    const SchemaTextPtr text = registry_.find_schema(latest->id);
    if (!same && text && text->kind == derived.kind) spec.schema = bundle_schema(*text);
    if (!same && (spec.schema.empty() || !make_writer(spec, columns, side))) {
      spec.schema_id = 0;
      spec.schema.clear();
    }
    return spec;
  }
  auto registered = registry_.register_schema(subject, std::move(schema), Form::AsGiven,
                                              {.steps = EffortLimit::kMostOnMetadata});
  if (!registered)
    return invalid(
        fmt::format("Could not register schema for topic: {}", registered.error().message));
  spec.schema_id = registered->id;
  apply(std::move(registered->changes));
  return spec;
}

void Registrar::drop_subject(std::string_view topic, Side side) {
  if (auto deleted = registry_.delete_subject(subject_of(topic, side), false))
    apply(std::move(deleted->changes));
}

void Registrar::apply(RegistryChanges changes) {
  registry_.apply(changes);
  for (RegistryChange& change : changes) changes_.push_back(std::move(change));
}

}  // namespace engine
