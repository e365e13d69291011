// Checks TIMESTAMP and TIMESTAMP_FORMAT when a statement defines a source, and the times of rows before they are
// written.
#pragma once
#include <cstddef>
#include <span>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"
#include "engine/types/column.h"

namespace engine {

// Fails if a TIMESTAMP_FORMAT contains a percent sign, as in strftime(). In Java's syntax the letters of such a
// format are literals and fields, so no text of a user would match. ksqlDB accepts such a format, and so does a
// server with --compat ksqldb.
Status check_timestamp_format(const SourceProperties& properties, const EngineSettings& settings);

// Checks rows before they are written. Fails with InvalidDatetime if a text in the source's TIMESTAMP column cannot
// be a record's time for a reader: a text that does not match TIMESTAMP_FORMAT, or a time before 1970. NULL is
// accepted, because readers report such a record. `columns` are the columns of the schema, in its order; null
// pointers are skipped. `row` is set to the first wrong row.
Status check_event_times(const DataSource& source, std::span<const ColumnPtr> columns, size_t rows,
                         size_t& row);

}  // namespace engine
