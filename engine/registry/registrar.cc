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

// Returns whether the declared columns are the first fields of the schema, in order. The writer requires that later
// fields have a default.
bool is_prefix(std::span<const ColumnDef> columns, std::span<const ColumnDef> fields) {
  if (columns.size() > fields.size()) return false;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name != fields[i].name || !(columns[i].type == fields[i].type)) return false;
  return true;
}

// Returns the error for a question to the external registry that has not been answered. No user sees this error,
// because the statement is planned again when the question is answered.
Error asked_first() {
  return Error{ErrorCode::NetworkFailure, "the schema registry has not been queried yet"};
}

}  // namespace

std::string subject_of(std::string_view topic, Side side) {
  return fmt::format("{}-{}", topic, word_of(side));
}

Result<SchemaTextPtr> Registrar::find_schema(int32_t id) {
  if (!outside_) return registry_.find_schema(id);
  const auto known = outside_->by_id.find(id);
  if (known != outside_->by_id.end()) return known->second;
  questions_.push_back({.kind = SchemaQuestion::Kind::ById, .id = id});
  return asked_first();
}

Result<std::optional<OutsideSchemas::Latest>> Registrar::find_latest(const std::string& subject) {
  if (!outside_) {
    const auto latest = registry_.latest(subject);
    if (!latest) return std::optional<OutsideSchemas::Latest>();
    return std::optional(OutsideSchemas::Latest{latest->id, registry_.find_schema(latest->id)});
  }
  const auto known = outside_->latest.find(subject);
  if (known != outside_->latest.end()) return known->second;
  questions_.push_back({.kind = SchemaQuestion::Kind::Latest, .subject = subject});
  return asked_first();
}

std::optional<int32_t> Registrar::id_of_same(const std::string& subject,
                                             const RegisteredSchema& schema,
                                             const OutsideSchemas::Latest& latest) const {
  if (outside_) {
    const bool is_same = latest.schema && latest.schema->kind == schema.kind &&
                         latest.schema->text == schema.text && latest.schema->references.empty();
    return is_same ? std::optional(latest.id) : std::nullopt;
  }
  const auto same = registry_.look_up(subject, schema);
  return same ? std::optional(same->id) : std::nullopt;
}

Result<int32_t> Registrar::register_schema(const std::string& subject, RegisteredSchema schema) {
  if (!outside_) {
    auto registered = registry_.register_schema(subject, std::move(schema), Form::AsGiven,
                                                {.steps = EffortLimit::kMostOnMetadata});
    if (!registered)
      return invalid(
          fmt::format("Could not register schema for topic: {}", registered.error().message));
    apply(std::move(registered->changes));
    return registered->id;
  }
  const auto known = outside_->registered.find(OutsideSchemas::registration_key(subject, schema));
  if (known != outside_->registered.end()) return known->second;
  questions_.push_back(
      {.kind = SchemaQuestion::Kind::Register, .subject = subject, .schema = std::move(schema)});
  return 1;  // placeholder: the statement is planned again with the answered id
}

Result<std::vector<ColumnDef>> Registrar::infer(const FormatSpec& spec, std::string_view topic,
                                                Side side) {
  SchemaTextPtr schema;
  if (spec.schema_id != 0) {
    schema = TRY(find_schema(spec.schema_id));
  } else if (const auto latest = TRY(find_latest(subject_of(topic, side)))) {
    schema = latest->schema;
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
                                                Side side) {
  const SchemaTextPtr schema = TRY(find_schema(spec.schema_id));
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
  const SchemaText derived = derive_schema(spec, columns, side);
  RegisteredSchema schema{.kind = derived.kind, .text = derived.text};
  const auto latest =
      write == Write::Source ? TRY(find_latest(subject)) : std::optional<OutsideSchemas::Latest>();
  if (!latest) {
    spec.schema_id = TRY(register_schema(subject, std::move(schema)));
    return spec;
  }
  const std::optional<int32_t> same = id_of_same(subject, schema, *latest);
  // The newest schema is used for writing if it can hold the columns; otherwise the stream is
  // read-only.
  spec.schema_id = same.value_or(latest->id);
  if (!same && latest->schema && latest->schema->kind == derived.kind)
    spec.schema = bundle_schema(*latest->schema);
  if (!same && (spec.schema.empty() || !make_writer(spec, columns, side))) {
    spec.schema_id = 0;
    spec.schema.clear();
  }
  return spec;
}

void Registrar::drop_subject(std::string_view topic, Side side) {
  const std::string subject = subject_of(topic, side);
  if (outside_) {
    if (!outside_->deleted.contains(subject))
      questions_.push_back({.kind = SchemaQuestion::Kind::Delete, .subject = subject});
    return;
  }
  if (auto deleted = registry_.delete_subject(subject, false)) apply(std::move(deleted->changes));
}

void Registrar::apply(RegistryChanges changes) {
  registry_.apply(changes);
  for (RegistryChange& change : changes) changes_.push_back(std::move(change));
}

}  // namespace engine
