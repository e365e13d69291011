// The schema registry, as a statement sees it while it is planned. The Registrar collects the
// registrations; they become a part of the statement's own commit.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/format.h"
#include "engine/registry/outside_schemas.h"
#include "engine/registry/registry.h"

namespace engine {

// Returns the topic's subject for keys or values; the subject is named after the topic.
std::string subject_of(std::string_view topic, Side side);

class Registrar {
 public:
  explicit Registrar(SchemaRegistry registry) : registry_(std::move(registry)) {}
  // Makes a Registrar for an external registry. `known` has the answers that the registry has given
  // so far.
  explicit Registrar(OutsideSchemas known) : outside_(std::move(known)) {}

  const SchemaRegistry& registry() const { return registry_; }
  bool is_outside() const { return outside_.has_value(); }
  // Returns the questions that an external registry must answer before the statement is executed.
  // If is_read() is true for one of them, the present plan is not valid.
  const std::vector<SchemaQuestion>& questions() const { return questions_; }

  // Returns the columns of a topic's records, for a statement that declares none. If
  // `spec.schema_id` is set, the columns come from that schema, and their names are not changed.
  // Otherwise they come from the newest schema of the topic's subject, and their names become upper
  // case.
  Result<std::vector<ColumnDef>> infer(const FormatSpec& spec, std::string_view topic, Side side);

  enum class Write : uint8_t {
    Sink,  // registers the schema; fails if it is incompatible with the subject
    // Registers the schema of the columns if the topic has none. Otherwise uses an existing version: one that equals
    // the schema of the columns, or else the newest one, which may have more fields than the columns. If the newest one
    // cannot hold the columns, schema_id is 0, and the source is read-only.
    Source,
  };
  // Returns `spec` with the schema in which the columns are written to the topic. If a schema id is
  // given, that schema must be able to hold the columns.
  Result<FormatSpec> with_schema(FormatSpec spec, std::string_view topic,
                                 std::span<const ColumnDef> columns, Side side, Write write);

  // Soft-deletes the topic's subject for `side`, if the subject exists and may be deleted.
  void drop_subject(std::string_view topic, Side side);

  // Returns the changes since the last call, for the statement's commit.
  RegistryChanges take_changes() { return std::exchange(changes_, {}); }

 private:
  Result<FormatSpec> with_given_schema(FormatSpec spec, std::span<const ColumnDef> columns,
                                       Side side);
  // Looks up a schema in the registry, or in the answers of an external registry. If the external
  // registry must be asked first, adds the question to questions_ and returns asked_first().
  Result<SchemaTextPtr> find_schema(int32_t id);
  Result<std::optional<OutsideSchemas::Latest>> find_latest(const std::string& subject);
  // Returns the id of a version of the subject that has the same schema; nothing if none has.
  std::optional<int32_t> id_of_same(const std::string& subject, const RegisteredSchema& schema,
                                    const OutsideSchemas::Latest& latest) const;
  Result<int32_t> register_schema(const std::string& subject, RegisteredSchema schema);

  void apply(RegistryChanges changes);

  SchemaRegistry registry_;
  std::optional<OutsideSchemas> outside_;
  std::vector<SchemaQuestion> questions_;
  RegistryChanges changes_;
};

}  // namespace engine
