// The registry as a statement sees it while it is planned: what it registers is gathered, and becomes part
// of the statement's own commit.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/format.h"
#include "engine/registry/registry.h"

namespace engine {

// A topic's subjects are named after it.
std::string subject_of(std::string_view topic, Side side);

class Registrar {
 public:
  explicit Registrar(SchemaRegistry registry) : registry_(std::move(registry)) {}

  const SchemaRegistry& registry() const { return registry_; }

  // The columns that a topic's records have, where the statement declares none: out of the schema of
  // `spec.schema_id`, else of the newest of the topic's subject. Names are as the schema has them in the
  // first case, in upper case in the second.
  Result<std::vector<ColumnDef>> infer(const FormatSpec& spec, std::string_view topic,
                                       Side side) const;

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
                                       Side side) const;

  void apply(RegistryChanges changes);

  SchemaRegistry registry_;
  RegistryChanges changes_;
};

}  // namespace engine
