#include "engine/formats/schema/reader_of_schemas.h"

#include "engine/formats/foreign_payload.h"
#include "engine/formats/json/json_values.h"

namespace engine {

namespace {

// Limit on known ids, because a topic with invalid data, whose schema ids are unknown or always
// new, must not exhaust the memory.
constexpr size_t kMaxKnown = 1024;

}  // namespace

ReaderOfSchemas::ReaderOfSchemas(ReadColumns columns, SchemaText derived,
                                 const SchemaLookup* lookup, std::string full_name,
                                 MakeSchemaReader make, bool has_header)
    : columns_(std::move(columns)),
      derived_(std::move(derived)),
      lookup_(lookup),
      full_name_(std::move(full_name)),
      make_(make),
      has_header_(has_header) {}

ReaderOfSchemas::Known ReaderOfSchemas::open(int32_t id) {
  Known made;
  SchemaTextPtr schema;
  if (id != 0) {
    SchemaLookup::Found answer =
        lookup_ == nullptr ? SchemaLookup::Found() : lookup_->ask_schema(id);
    schema = std::move(answer.schema);
    if (schema == nullptr) {
      made.may_come = true;
      made.is_unavailable = !answer.unavailable.empty();
      made.problem =
          made.is_unavailable
              ? "schema id " + std::to_string(id) + " cannot be had: " + answer.unavailable
              : "schema id " + std::to_string(id) + " is not in the schema registry";
      return made;
    }
    if (schema->kind != derived_.kind) {
      made.problem = "schema id " + std::to_string(id) + " is of the type " +
                     std::string(schema_kind_name(schema->kind)) + ", not " +
                     std::string(schema_kind_name(derived_.kind));
      return made;
    }
  }
  auto reader = make_(schema ? *schema : derived_, columns_, full_name_);
  if (reader)
    made.reader = std::move(reader).take();
  else
    made.problem = "schema id " + std::to_string(id) + ": " + reader.error().message;
  return made;
}

const ReaderOfSchemas::Known& ReaderOfSchemas::known(int32_t id) {
  if (last_ != nullptr && id == last_id_) return *last_;
  const auto found = known_.find(id);
  if (found != known_.end() && !found->second.may_come)
    last_ = &found->second;
  else {
    if (known_.size() >= kMaxKnown) known_.clear();
    last_ = &(known_[id] = open(id));
  }
  last_id_ = id;
  if (last_->reader == nullptr) last_id_ = -1;
  return *last_;
}

ReaderOfSchemas::Outcome ReaderOfSchemas::read_record(std::string_view payload,
                                                      std::span<Column* const> outs, size_t row,
                                                      std::string& error) {
  int32_t id = 0;
  if (has_header_) {
    const auto taken = take_schema_header(payload);
    if (!taken) {
      error =
          "the record does not begin with a zero byte and the id of its schema: it was not written "
          "by a serializer of this format";
      error += guessed_format(payload);
      return Outcome::Failed;
    }
    id = *taken;
  }
  const Known& schema = known(id);
  if (schema.reader == nullptr) {
    error = schema.problem;
    return schema.is_unavailable ? Outcome::Unavailable : Outcome::Failed;
  }
  return schema.reader->read(payload, outs, row, error) ? Outcome::Read : Outcome::Failed;
}

void ReaderOfSchemas::read(std::span<const std::optional<std::string_view>> payloads,
                           std::span<Column* const> outs, RowStatus& status) {
  status.clear();
  status.states.resize(payloads.size(), RowState::Value);
  size_t before = 0;
  for (const Column* out : outs)
    if (out != nullptr) before = out->size();
  const auto set_null = [&](size_t row) {
    for (Column* out : outs) {
      if (out == nullptr) continue;
      truncate(*out, row);
      out->append_null();
    }
  };
  std::string error;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const size_t row = before + i;
    if (status.unavailable) {
      set_null(row);
      continue;
    }
    if (!payloads[i]) {
      status.states[i] = RowState::Null;
      set_null(row);
      continue;
    }
    error.clear();
    const Outcome outcome = read_record(*payloads[i], outs, row, error);
    if (outcome == Outcome::Read) continue;
    set_null(row);
    if (outcome == Outcome::Unavailable) {
      status.unavailable = {i, std::move(error)};
      continue;
    }
    status.fail(i, error.empty()
                       ? "the record is truncated, or has more bytes than its schema defines"
                       : std::move(error));
  }
}

}  // namespace engine
