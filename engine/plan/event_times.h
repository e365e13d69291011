// The rules of TIMESTAMP and TIMESTAMP_FORMAT where a statement defines a source, and where rows are written into one.
#pragma once
#include <cstddef>
#include <span>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"
#include "engine/types/column.h"

namespace engine {

// Fails on a TIMESTAMP_FORMAT with a percent sign, which writes its letters as strftime() does: to Java they are literals
// and fields, so no text of a user would ever fit. ksqlDB accepts it, and so does a server with its defaults.
Status check_timestamp_format(const SourceProperties& properties, const EngineSettings& settings);

// Rows that are about to be written. Fails with InvalidDatetime on a text in the source's TIMESTAMP column that no reader
// could use as a record's time: one that does not fit TIMESTAMP_FORMAT, or a time before 1970. NULL passes: readers report
// such a record. `columns`: those of the schema, in its order; null pointers are left out. `row`: the first wrong row.
Status check_event_times(const DataSource& source, std::span<const ColumnPtr> columns, size_t rows,
                         size_t& row);

}  // namespace engine
