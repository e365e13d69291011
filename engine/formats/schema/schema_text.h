// A schema as a registry keeps it, and the look-up of schemas for readers.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class SchemaKind : uint8_t { Avro, Json, Protobuf };

// Convert a kind to its name in registries ("AVRO", "JSON", "PROTOBUF") and back; nothing for other names.
std::string_view schema_kind_name(SchemaKind kind);
std::optional<SchemaKind> find_schema_kind(std::string_view name);

// Larger schemas are refused, because they come from clients, and are parsed on threads that serve other clients.
inline constexpr size_t kMaxSchemaSize = size_t{1} << 20;
// Limit on the nesting of types.
inline constexpr int kMaxSchemaDepth = 100;

struct SchemaText {
  // A schema to which the text refers, by the name that the text uses. If it needs other schemas
  // itself, these come before it in the list.
  struct Reference {
    std::string name, text;
    bool operator==(const Reference&) const = default;
  };
  SchemaKind kind = SchemaKind::Avro;
  std::string text;
  std::vector<Reference> references = {};
  bool operator==(const SchemaText&) const = default;
};
using SchemaTextPtr = std::shared_ptr<const SchemaText>;

// Looks up schemas by id. The meaning of an id never changes. Threads: any.
class SchemaLookup {
 public:
  virtual ~SchemaLookup() = default;
  // Returns nullptr if the schema does not exist or is not known yet.
  virtual SchemaTextPtr find_schema(int32_t id) const = 0;

  struct Found {
    SchemaTextPtr schema;
    // The reason why the registry has not answered yet; the caller has to ask again later. If the
    // reason is empty, `schema` is the answer.
    std::string unavailable = {};
  };
  // Looks up a schema without waiting. An external registry is queried in the background.
  virtual Found ask_schema(int32_t id) const { return {find_schema(id)}; }
};

// Records begin with a zero byte and the id of their schema (4 bytes, big-endian).
inline constexpr size_t kSchemaHeaderSize = 5;
void append_schema_header(std::string& out, int32_t id);
// Removes the header from `payload` and returns the id. Returns nothing, and leaves the payload
// unchanged, if it has no header.
std::optional<int32_t> take_schema_header(std::string_view& payload);

}  // namespace engine
