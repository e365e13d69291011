// Which formats a new stream or table gets, and whether they can hold its columns.
#pragma once
#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"

namespace engine {

struct SourceFormats {
  FormatSpec key, value;
};

// The server's settings as a session's properties (ksql.persistence.default.format.value, ...)
// change them.
EngineSettings effective_settings(EngineSettings settings, const Properties& session);

// What a CREATE without AS falls back to; the value's name may be empty: it must be given then.
SourceFormats default_formats(const EngineSettings& settings);

// What the statement says, else `otherwise` (the defaults, or the formats of a query's first
// source). A delimiter is inherited with its format, wrapping is not. Fails on unknown formats and
// on properties that the format does not take; formats that are not built yet pass.
Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise);

// Whether the columns can be written so; `schema` is the whole source's. Sets the wrapping of a
// single value column when only the session's properties ask for it. Fails with NotSupported for a
// format that is not built yet, after everything else was found to be right.
Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session);

// Whether missing columns would come from a schema registry.
bool can_infer_schema(const FormatSpec& format);

}  // namespace engine
