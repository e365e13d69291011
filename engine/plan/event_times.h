// Checks TIMESTAMP and TIMESTAMP_FORMAT of a source when it is defined, and the times of its rows
// before they are written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
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

// Returns the first event time that seems to count seconds: a number of milliseconds between 8 January and 17 February
// 1970, which is a number of seconds between 1990 and 2100. `timestamps` has the times of rows in a source without a
// TIMESTAMP column. Texts with a TIMESTAMP_FORMAT are not searched.
std::optional<int64_t> find_time_in_seconds(const DataSource& source,
                                            std::span<const ColumnPtr> columns,
                                            std::span<const int64_t> timestamps);

}  // namespace engine
