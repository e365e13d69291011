// Which formats a new stream or table gets, and whether they can hold its columns.
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

// The server's settings as a session's properties (ksql.persistence.default.format.value, ...)
// change them.
EngineSettings effective_settings(EngineSettings settings, const Properties& session);

// What a CREATE without AS falls back to; the value's name may be empty: it must be given then.
SourceFormats default_formats(const EngineSettings& settings);

// What the statement says of `source`, else `otherwise` (the defaults, or the formats of a query's
// first source). A delimiter is inherited with its format; wrapping and what is said of schemas are
// not. Fails on unknown formats and on properties that the format does not take.
Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise, std::string_view source);

// Whether the columns can be written so; `schema` is the whole source's. Sets the wrapping of a
// single value column when only the session's properties ask for it.
Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session);

// Whether missing columns would come from a schema registry.
bool can_infer_schema(const FormatSpec& format);

// The formats with the schemas in which `schema` is written to the topic; see Registrar::with_schema.
// Without a registrar, which is for statements that are only explained, they stay as they are.
Result<SourceFormats> register_schemas(SourceFormats formats, const Schema& schema,
                                       std::string_view topic, Registrar* registrar,
                                       Registrar::Write write);
// Fails with ObjectState for what can only be read: its topic had a schema already when it was declared, and
// rows of these columns cannot be written in it.
Status check_has_schemas(const DataSource& sink);

}  // namespace engine
