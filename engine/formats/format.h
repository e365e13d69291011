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

// Whether names from a schema keep their letter case (Exact) or become upper case (Upper), like
// unquoted names of the dialect.
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
  bool multi_column_key;  // a key may have several columns
  // Whether a single column may be a record of one field (wraps), and whether it may be a bare value (unwraps).
  bool wraps, unwraps;
  bool infers_schema;  // columns can be inferred from a schema registry
  bool has_delimiter;  // the delimiter can be set by KEY_DELIMITER and VALUE_DELIMITER
};

// Returns nullptr for an unknown name. Names are upper case.
const FormatTraits* find_format(std::string_view name);
// Returns an error such as "Unknown format: CSV", which lists the formats that exist.
Error unknown_format(std::string_view name);
// Returns the format for a statement; fails with "Unknown format: FOO".
Result<const FormatTraits*> require_format(std::string_view name);

// Parses KEY_DELIMITER or VALUE_DELIMITER: one character, TAB or SPACE. `property` is named in the
// error.
Result<char> parse_delimiter(std::string_view property, std::string_view text);
// Fails with "JSON does not support the following configs: [delimiter]" if the format has no
// delimiter.
Status validate_delimiter_use(std::string_view format_name);

// Checks that the format can hold these columns, which must all belong to `side`. If `wrap_single`
// is set, it counts as requested by the statement (WRAP_SINGLE_VALUE). If only the configuration
// requests wrapping, apply_default_wrapping() sets it where the format supports it. The error's
// message has only the reason ("The 'KAFKA' format does not support type 'ARRAY'").
Status validate_format(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);
// Checks the columns of a key. The error's message is "Key format does not support schema."
// followed by the reason.
Status validate_key_schema(const FormatSpec& spec, std::span<const ColumnDef> columns);
// Fails if a key contains a MAP at any depth, because no format allows this.
Status validate_no_maps_in_key(std::span<const ColumnDef> key_columns);

// Sets `wrap_single` to `wrap` (ksql.persistence.wrap.single.values) on three conditions: there is only one column, the
// format supports `wrap`, and the statement has not set `wrap_single`.
FormatSpec apply_default_wrapping(FormatSpec spec, std::span<const ColumnDef> value_columns,
                                  bool wrap);
// Returns "WRAP_SINGLES" or "UNWRAP_SINGLES" if the statement has chosen the form or, for a key, if
// the format supports both forms. Otherwise returns an empty list. SHOW and descriptions of schemas
// print the result.
std::vector<std::string_view> serde_features(const FormatSpec& spec, size_t column_count,
                                             Side side);
// Returns whether the columns are written as a record with named fields; false: as one value
// without a name.
bool is_wrapped(const FormatSpec& spec, size_t column_count, Side side);

// Makes a reader of the columns for which `needed` is set (empty: all columns). All columns must
// belong to `side` and must not be HEADERS columns. Fields of columns that are not needed are
// skipped; they may have a wrong type, but must be well formed. `schemas` has the schemas that
// records refer to, and must outlive the reader. Without it, only records that were written in this
// format with schema id 0 can be read.
Result<std::unique_ptr<Reader>> make_reader(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side,
                                            std::vector<bool> needed = {},
                                            const SchemaLookup* schemas = nullptr);
Result<std::unique_ptr<Writer>> make_writer(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side);

// Returns the kind of schema that records of the format refer to; nothing for formats without schemas.
std::optional<SchemaKind> schema_kind_of(std::string_view format_name);
// Returns whether records contain the id of the schema with which they were written.
bool names_schema(const FormatSpec& spec);

// Returns the format for keys that are compared as bytes. In it, equal keys have equal bytes,
// whatever schema their records refer to. For a format without schemas, it is `spec` itself.
FormatSpec identity_format(const FormatSpec& spec);

// Returns the spec without the settings that only writers need: the schema and its id.
FormatSpec reading_format(FormatSpec spec);
// Returns whether two formats mean the same in a statement. Their schemas are not compared, because
// the columns determine them.
bool is_same_format(const FormatSpec& a, const FormatSpec& b);

// Returns the schema that the columns of this side determine. Writers use it unless `spec` has a
// schema of its own.
SchemaText derive_schema(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side);

// Returns the columns that a schema describes. In Avro and JSON, a key has the single column ROWKEY, and a value that
// is not wrapped has the single column ROWVAL. In all other cases, each field is a column. Fails with InvalidStatement
// for types that columns cannot hold.
Result<std::vector<ColumnDef>> infer_columns(const FormatSpec& spec, const SchemaText& schema,
                                             Side side, NameCase names);

}  // namespace engine
