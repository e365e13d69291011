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
// As schemas spell it: "int", "record", ...
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

// What a type holds depends on its kind; types may refer to themselves.
struct AvroType {
  AvroKind kind = AvroKind::Null;
  AvroLogical logical = AvroLogical::None;
  int precision = 0, scale = 0;      // of a Decimal; precision 0: not said
  std::string name;                  // full name of a Record, Enum or Fixed
  std::vector<std::string> aliases;  // full names
  std::vector<AvroField> fields;     // of a Record
  std::vector<std::string> symbols;  // of an Enum
  std::optional<std::string> default_symbol;
  size_t size = 0;                        // of a Fixed
  const AvroType* element = nullptr;      // of an Array; the values of a Map
  std::vector<const AvroType*> branches;  // of a Union
  bool is_map_entry = false;  // a Record of key and value, an Array of which stands for a map

  // nullptr when there is none of exactly this name.
  const AvroField* find_field(std::string_view field) const;
  // The branch other than null, of a union of null and one type; else the type itself.
  const AvroType& without_null() const;
  // The index of the null branch of a Union, -1 without one.
  int null_branch() const;
};

// Never changes. Threads: any.
class AvroSchema {
 public:
  // Fails with InvalidText when it is no Avro schema: what is wrong, and in which type.
  static Result<std::shared_ptr<const AvroSchema>> parse(const SchemaText& text);

  const AvroType& root() const { return *root_; }

 private:
  friend class AvroSchemaParser;
  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
};
using AvroSchemaPtr = std::shared_ptr<const AvroSchema>;

// Whether a name may stand for a field or a type: letters, digits and _, no digit first.
bool is_avro_name(std::string_view name);

}  // namespace engine
