// The registry as a statement sees it while it is planned: what it registers is gathered, and becomes part
// of the statement's own commit.
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

// A topic's subjects are named after it.
std::string subject_of(std::string_view topic, Side side);

class Registrar {
 public:
  explicit Registrar(SchemaRegistry registry) : registry_(std::move(registry)) {}
  // Of a registry elsewhere, with what is known of it so far.
  explicit Registrar(OutsideSchemas known) : outside_(std::move(known)) {}

  const SchemaRegistry& registry() const { return registry_; }
  bool is_outside() const { return outside_.has_value(); }
  // What a registry elsewhere is to be asked before the statement can be carried out. Where one of them is_read(),
  // what was planned says nothing.
  const std::vector<SchemaQuestion>& questions() const { return questions_; }

  // The columns that a topic's records have, where the statement declares none: out of the schema of
  // `spec.schema_id`, else of the newest of the topic's subject. Names are as the schema has them in the
  // first case, in upper case in the second.
  Result<std::vector<ColumnDef>> infer(const FormatSpec& spec, std::string_view topic, Side side);

  enum class Write : uint8_t {
    Sink,    // registers, fails if that is not compatible with what is there
    Source,  // registers if the topic has no schema yet; else the columns may be some of its fields
  };
  // `spec` with the schema in which columns are written to the topic. One whose id is given must be able
  // to hold them.
  Result<FormatSpec> with_schema(FormatSpec spec, std::string_view topic,
                                 std::span<const ColumnDef> columns, Side side, Write write);

  // Deletes the topic's subject of that side, softly, if there is one that may be deleted.
  void drop_subject(std::string_view topic, Side side);

  // What was done since; to be part of the statement's commit.
  RegistryChanges take_changes() { return std::exchange(changes_, {}); }

 private:
  Result<FormatSpec> with_given_schema(FormatSpec spec, std::span<const ColumnDef> columns,
                                       Side side);
  // What is there. Fails where that must be asked first.
  Result<SchemaTextPtr> find_schema(int32_t id);
  Result<std::optional<OutsideSchemas::Latest>> find_latest(const std::string& subject);
  // The version of the subject that holds it, if there is one.
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
