// An Avro schema as a tree of types (the specification's section "Schema Declaration").
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

enum class AvroKind : uint8_t {
  Null,
  Boolean,
  Int,
  Long,
  Float,
  Double,
  Bytes,
  String,
  Fixed,
  Enum,
  Array,
  Map,
  Record,
  Union,
};
// Returns the name of the kind in schemas: "int", "record", ...
std::string_view avro_kind_name(AvroKind kind);

enum class AvroLogical : uint8_t {
  None,
  Decimal,
  Date,
  TimeMillis,
  TimeMicros,
  TimestampMillis,
  TimestampMicros,
};

struct AvroType;

struct AvroField {
  std::string name;
  const AvroType* type = nullptr;
  std::optional<JsonTree> otherwise = {};  // the schema's "default"
  std::vector<std::string> aliases = {};
};

// A type of a schema. `kind` determines which members are used. A type may refer to itself.
struct AvroType {
  AvroKind kind = AvroKind::Null;
  AvroLogical logical = AvroLogical::None;
  int precision = 0, scale = 0;      // for a Decimal; precision 0: not given
  std::string name;                  // full name of a Record, Enum or Fixed
  std::vector<std::string> aliases;  // full names of the aliases
  std::vector<AvroField> fields;     // set for a Record
  std::vector<std::string> symbols;  // set for an Enum
  std::optional<std::string> default_symbol;
  size_t size = 0;                        // set for a Fixed
  const AvroType* element = nullptr;      // element type of an Array, value type of a Map
  std::vector<const AvroType*> branches;  // set for a Union
  // a Record of key and value; an Array of such records represents a map
  bool is_map_entry = false;

  // Returns nullptr if no field has exactly this name.
  const AvroField* find_field(std::string_view field) const;
  // If this type is a union of null and one other type, returns the other type. Otherwise returns
  // this type itself.
  const AvroType& without_null() const;
  // Returns the index of the null branch of a Union; -1 if it has none.
  int null_branch() const;
};

// A parsed schema, which never changes. Threads: any.
class AvroSchema {
 public:
  // Parses a schema. Fails with InvalidText if the text is not an Avro schema; the message names
  // the problem and the type.
  static Result<std::shared_ptr<const AvroSchema>> parse(const SchemaText& text);

  const AvroType& root() const { return *root_; }

 private:
  friend class AvroSchemaParser;
  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
};
using AvroSchemaPtr = std::shared_ptr<const AvroSchema>;

// Returns whether the name is valid for a field or a type: it has letters, digits and _, and does
// not begin with a digit.
bool is_avro_name(std::string_view name);

}  // namespace engine
