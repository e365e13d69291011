// Chooses the formats of a new stream or table, and checks whether they can hold its columns.
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

// Returns the server's settings, overridden by the session's properties (ksql.persistence.default.format.value, ...).
EngineSettings effective_settings(EngineSettings settings, const Properties& session);

// Returns the default formats of a CREATE without AS. An empty value format means that the statement must name one.
SourceFormats default_formats(const EngineSettings& settings);

// Returns the formats that the statement gives for `source`. If the statement gives none, returns
// the formats of `otherwise`: the server's defaults, or the formats of a query's first source. A
// delimiter is copied together with its format; wrapping and schema properties are not. Fails if a
// format is unknown, or does not support a property of the statement.
Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise, std::string_view source);

// Checks that the columns can be written in these formats. `schema` is the schema of the whole
// source. The session's properties may determine whether a single value column is wrapped; if the
// statement does not, the function adds this to the formats.
Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session);

// Returns whether missing columns can be taken from a schema registry.
bool can_infer_schema(const FormatSpec& format);

// Registers the schemas in which the columns are written to the topic, and adds them to the formats
// (Registrar::with_schema()). Without a registrar (for statements that are only explained), the
// formats stay unchanged.
Result<SourceFormats> register_schemas(SourceFormats formats, const Schema& schema,
                                       std::string_view topic, Registrar* registrar,
                                       Registrar::Write write);
// Fails with ObjectState if no rows can be written to the sink. This is so if its topic already had
// a schema when the sink was declared, and rows with the sink's columns cannot be written in that
// schema.
Status check_has_schemas(const DataSource& sink);

}  // namespace engine
