// A schema as a registry keeps it, and how readers find the one that a record names.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class SchemaKind : uint8_t { Avro, Json, Protobuf };

// "AVRO", "JSON", "PROTOBUF", as registries write it; nothing for other names.
std::string_view schema_kind_name(SchemaKind kind);
std::optional<SchemaKind> find_schema_kind(std::string_view name);

// Larger ones are refused: they come from outside, and are read on threads that serve others.
inline constexpr size_t kMaxSchemaSize = size_t{1} << 20;
// How deep types may lie in each other.
inline constexpr int kMaxSchemaDepth = 100;

struct SchemaText {
  // What the text refers to, by the name that it uses, each after those that it needs itself.
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

// Schemas by id; what an id means never changes. Any thread may ask.
class SchemaLookup {
 public:
  virtual ~SchemaLookup() = default;
  // nullptr when there is none, or none that is known yet.
  virtual SchemaTextPtr find_schema(int32_t id) const = 0;

  struct Found {
    SchemaTextPtr schema;
    // Why it cannot be said just now whether there is one: whoever must know asks again. Empty: `schema` says it.
    std::string unavailable = {};
  };
  // Never waits. A registry elsewhere is asked meanwhile.
  virtual Found ask_schema(int32_t id) const { return {find_schema(id)}; }
};

// Records begin with a zero byte and the id of their schema (4 bytes, big-endian).
inline constexpr size_t kSchemaHeaderSize = 5;
void append_schema_header(std::string& out, int32_t id);
// Takes it off `payload`; nothing, and the payload as it was, when it does not begin so.
std::optional<int32_t> take_schema_header(std::string_view& payload);

}  // namespace engine
