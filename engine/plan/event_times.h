// Checks TIMESTAMP and TIMESTAMP_FORMAT of a source when it is defined, and the times of its rows
// before they are written.
#pragma once
#include <cstddef>
#include <span>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"
#include "engine/types/column.h"

namespace engine {

// Fails if a TIMESTAMP_FORMAT contains a percent sign, as in the formats of strftime(). In Java's
// syntax, the letters of such a format have other meanings, so no text in the user's data would
// match. ksqlDB accepts such a format, and so does a server with --compat ksqldb.
Status check_timestamp_format(const SourceProperties& properties, const EngineSettings& settings);

// Checks rows before they are written. Readers skip a record whose TIMESTAMP column has no usable time, so such a row
// would be acknowledged and lost. Fails with NullValue if the column of a table is NULL (a SELECT over a stream warns
// about NULL), and with InvalidDatetime if a text does not match TIMESTAMP_FORMAT or a time is before 1970. `columns` are
// the columns of the schema, in its order; null pointers are skipped. Sets `row` to the first wrong row.
Status check_event_times(const DataSource& source, std::span<const ColumnPtr> columns, size_t rows,
                         size_t& row);

}  // namespace engine
