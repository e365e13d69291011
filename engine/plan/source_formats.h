// Formats of a new stream or table, and whether they can hold its columns.
#pragma once
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"
#include "engine/registry/registrar.h"

namespace engine {

struct SourceFormats {
  FormatSpec key, value;
};

// The server's settings, overridden by the session's properties (ksql.persistence.default.format.value, ...).
EngineSettings effective_settings(EngineSettings settings, const Properties& session);

// Default formats of a CREATE without AS; an empty value format means that the statement must give one.
SourceFormats default_formats(const EngineSettings& settings);

// The formats that the statement gives for `source`, with `otherwise` as default (the server's defaults, or the formats
// of a query's first source). A delimiter is inherited with its format; wrapping and schema properties are not. Fails
// on unknown formats and on properties that the format does not support.
Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise, std::string_view source);

// Checks that the columns can be written in these formats; `schema` is that of the whole source. Sets the wrapping of a
// single value column if only the session's properties give it.
Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session);

// Returns whether missing columns can be taken from a schema registry.
bool can_infer_schema(const FormatSpec& format);

// Adds the schemas in which `schema` is written to the topic; see Registrar::with_schema. Without a registrar (for
// statements that are only explained) the formats stay unchanged.
Result<SourceFormats> register_schemas(SourceFormats formats, const Schema& schema,
                                       std::string_view topic, Registrar* registrar,
                                       Registrar::Write write);
// Fails with ObjectState for a read-only sink: its topic already had a schema when it was declared, and rows with these
// columns cannot be written in it.
Status check_has_schemas(const DataSource& sink);

}  // namespace engine
