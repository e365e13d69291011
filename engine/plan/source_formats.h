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

// Returns the formats that the statement gives for `source`. The defaults are `otherwise`: those of the server, or
// the formats of a query's first source. A delimiter is inherited with its format; wrapping and schema properties are
// not. Fails if a format is unknown, or does not support a property of the statement.
Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise, std::string_view source);

// Checks that the columns can be written in these formats. `schema` is that of the whole source. If only the
// session's properties set the wrapping of a single value column, the function adds it to the formats.
Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session);

// Returns whether missing columns can be taken from a schema registry.
bool can_infer_schema(const FormatSpec& format);

// Registers the schemas in which `schema` is written to the topic, and adds them to the formats; see
// Registrar::with_schema. Without a registrar (for statements that are only explained) the formats stay unchanged.
Result<SourceFormats> register_schemas(SourceFormats formats, const Schema& schema,
                                       std::string_view topic, Registrar* registrar,
                                       Registrar::Write write);
// Fails with ObjectState if the sink is read-only: its topic already had a schema when the sink was declared, and
// rows with the sink's columns cannot be written in this schema.
Status check_has_schemas(const DataSource& sink);

}  // namespace engine
