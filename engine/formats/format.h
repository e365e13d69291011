// The formats of keys and values: what each can do, and the readers and writers for a list of
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

// Whether names out of a schema are taken over as they are, or in upper case as the dialect's own names.
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
  bool wraps, unwraps;    // how a single column can be written: as a record of one field, bare
  bool infers_schema;     // knows the columns from a schema registry
  bool has_delimiter;     // takes KEY_DELIMITER and VALUE_DELIMITER
};

// nullptr for an unknown name. Names are upper case.
const FormatTraits* find_format(std::string_view name);
// The same for statements, with "Unknown format: FOO".
Result<const FormatTraits*> require_format(std::string_view name);

// What KEY_DELIMITER or VALUE_DELIMITER says: one character, TAB or SPACE. `property` is named in
// the error.
Result<char> parse_delimiter(std::string_view property, std::string_view text);
// "JSON does not support the following configs: [delimiter]" where the format has none.
Status validate_delimiter_use(std::string_view format_name);

// Whether the format can hold these columns, which all belong to that side. A `wrap_single` that is
// set counts as asked for by the statement (WRAP_SINGLE_VALUE); where only the configuration asks,
// apply_default_wrapping() sets it if it fits. The message is the bare reason ("The 'KAFKA' format
// does not support type 'ARRAY'").
Status validate_format(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);
// The same for a key, with the reason wrapped in "Key format does not support schema. ...".
Status validate_key_schema(const FormatSpec& spec, std::span<const ColumnDef> columns);
// A MAP, at any depth, cannot be part of a key in any format.
Status validate_no_maps_in_key(std::span<const ColumnDef> key_columns);

// Takes over `wrap` (ksql.persistence.wrap.single.values) if there is one column, the format can do
// it and the statement said nothing.
FormatSpec apply_default_wrapping(FormatSpec spec, std::span<const ColumnDef> value_columns,
                                  bool wrap);
// "WRAP_SINGLES" or "UNWRAP_SINGLES" where that is said or, for a key, where the format has the
// choice; else nothing. Part of what SHOW and schema descriptions print.
std::vector<std::string_view> serde_features(const FormatSpec& spec, size_t column_count,
                                             Side side);
// Whether the columns are written as a record with named fields rather than as one bare value.
bool is_wrapped(const FormatSpec& spec, size_t column_count, Side side);

// A reader of the columns for which `needed` is set (empty: all). Columns must all belong to that
// side, without HEADERS columns. A field of a column that is not needed is skipped: it may be of a
// wrong type, but it must be well formed. `schemas` knows the schemas that records name, and must outlive
// the reader; without it only those are read that were written in this format with id 0.
Result<std::unique_ptr<Reader>> make_reader(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side,
                                            std::vector<bool> needed = {},
                                            const SchemaLookup* schemas = nullptr);
Result<std::unique_ptr<Writer>> make_writer(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side);

// The kind of schema that records of the format name; nothing for formats without schemas.
std::optional<SchemaKind> schema_kind_of(std::string_view format_name);
// Whether records name the schema that they were written in.
bool names_schema(const FormatSpec& spec);

// How keys that are compared as bytes are written: equal keys must have equal bytes, whatever schema
// their records name. The spec itself for formats without schemas.
FormatSpec identity_format(const FormatSpec& spec);

// Without what only writers need: which schema they name.
FormatSpec reading_format(FormatSpec spec);
// Whether statements would say the same of both: their schemas follow from the columns.
bool is_same_format(const FormatSpec& a, const FormatSpec& b);

// The schema in which columns of that side are written unless the spec brings its own.
SchemaText derive_schema(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);

// The columns that a schema describes: of keys ROWKEY, of values that are not wrapped ROWVAL, else a
// column for each field. Fails with InvalidStatement on what columns cannot hold.
Result<std::vector<ColumnDef>> infer_columns(const FormatSpec& spec, const SchemaText& schema,
                                             Side side, NameCase names);

}  // namespace engine
