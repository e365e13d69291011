// The formats of keys and values: their properties, and the readers and writers for a list of
// columns. A new format is a row in the table of format.cc, a Reader and a Writer.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/reader.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/formats/spec.h"
#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

enum class Side : uint8_t { Key, Value };

// Whether names from a schema are kept as they are, or become upper case like the dialect's own names.
enum class NameCase : uint8_t { Upper, Exact };

enum class FormatKind : uint8_t {
  None,
  Kafka,
  Delimited,
  Json,
  JsonSr,
  Avro,
  Protobuf,
  ProtobufNosr,
};

struct FormatTraits {
  FormatKind kind;
  std::string_view name;
  bool multi_column_key;  // several key columns are possible
  bool wraps, unwraps;    // forms of a single column: record of one field, bare value
  bool infers_schema;     // columns can be inferred from a schema registry
  bool has_delimiter;     // supports KEY_DELIMITER and VALUE_DELIMITER
};

// Returns nullptr for an unknown name. Names are upper case.
const FormatTraits* find_format(std::string_view name);
// "Unknown format: CSV", with the formats that exist.
Error unknown_format(std::string_view name);
// Returns the format for a statement; fails with "Unknown format: FOO".
Result<const FormatTraits*> require_format(std::string_view name);

// Parses KEY_DELIMITER or VALUE_DELIMITER: one character, TAB or SPACE. `property` is named in the
// error.
Result<char> parse_delimiter(std::string_view property, std::string_view text);
// Fails with "JSON does not support the following configs: [delimiter]" if the format has no
// delimiter.
Status validate_delimiter_use(std::string_view format_name);

// Checks that the format can hold these columns, which all belong to that side. A `wrap_single`
// that is set counts as requested by the statement (WRAP_SINGLE_VALUE); if only the configuration
// requests it, apply_default_wrapping() sets it where it fits. The message is the bare reason ("The
// 'KAFKA' format does not support type 'ARRAY'").
Status validate_format(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);
// Checks the columns of a key; the reason is wrapped in "Key format does not support schema. ...".
Status validate_key_schema(const FormatSpec& spec, std::span<const ColumnDef> columns);
// No format allows a MAP, at any depth, in a key.
Status validate_no_maps_in_key(std::span<const ColumnDef> key_columns);

// Applies `wrap` (ksql.persistence.wrap.single.values) if there is one column, the format supports
// it, and the statement has not set it.
FormatSpec apply_default_wrapping(FormatSpec spec, std::span<const ColumnDef> value_columns,
                                  bool wrap);
// "WRAP_SINGLES" or "UNWRAP_SINGLES" if it was set or, for a key, if the format has the choice;
// otherwise empty. SHOW and schema descriptions print it.
std::vector<std::string_view> serde_features(const FormatSpec& spec, size_t column_count,
                                             Side side);
// Whether the columns are written as a record with named fields rather than as one bare value.
bool is_wrapped(const FormatSpec& spec, size_t column_count, Side side);

// Makes a reader of the columns for which `needed` is set (empty: all). All columns must belong to that side, without
// HEADERS columns. Fields of columns that are not needed are skipped: they may have a wrong type, but must be well
// formed. `schemas` has the schemas that records refer to, and must outlive the reader; without it only records that
// were written in this format with id 0 can be read.
Result<std::unique_ptr<Reader>> make_reader(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side,
                                            std::vector<bool> needed = {},
                                            const SchemaLookup* schemas = nullptr);
Result<std::unique_ptr<Writer>> make_writer(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side);

// The kind of schema that records of the format refer to; nothing for formats without schemas.
std::optional<SchemaKind> schema_kind_of(std::string_view format_name);
// Whether records contain the id of the schema that they were written with.
bool names_schema(const FormatSpec& spec);

// The format for keys that are compared as bytes: equal keys must have equal bytes, whatever schema their records refer
// to. The spec itself for formats without schemas.
FormatSpec identity_format(const FormatSpec& spec);

// The spec without the settings that only writers need, namely their schema.
FormatSpec reading_format(FormatSpec spec);
// Whether both mean the same in a statement: their schemas follow from the columns.
bool is_same_format(const FormatSpec& a, const FormatSpec& b);

// The schema for writing columns of that side, unless the spec has its own.
SchemaText derive_schema(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);

// The columns that a schema describes: ROWKEY for a key, ROWVAL for a value that is not wrapped, otherwise a column for
// each field. Fails with InvalidStatement for types that columns cannot hold.
Result<std::vector<ColumnDef>> infer_columns(const FormatSpec& spec, const SchemaText& schema,
                                             Side side, NameCase names);

}  // namespace engine
