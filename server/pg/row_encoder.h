// Rows of columns as messages to a client: DataRows, or the CopyData of COPY ... TO STDOUT.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/column.h"
#include "server/pg/copy_options.h"
#include "server/pg/wire_types.h"
#include "server/sql/port.h"

namespace server::pg {

class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  // What comes before the first row: a header line. Once it is written it does nothing.
  virtual void append_header(std::string& /*out*/) {}
  // Whether the header is better written together with the first rows, if they come soon.
  virtual bool header_may_wait() const { return false; }
  // Whole messages, one a row, of rows [first_row, end_row).
  virtual void append_rows(std::string& out, std::span<const engine::ColumnPtr> columns,
                           size_t first_row, size_t end_row) = 0;
};

// `formats`: none (all text), one for all, or one a column.
std::unique_ptr<RowEncoder> make_data_row_encoder(std::vector<Format> formats);
// Lines of COPY's text or csv format.
std::unique_ptr<RowEncoder> make_copy_encoder(std::vector<sql::ResultColumn> columns,
                                              CopyOptions options);
// An aligned table as psql draws it, line by line: what a person sees of a push query in stock
// psql, which shows DataRows only when a result is complete (pg-wire: P3). Widths grow with the
// values; they begin with those of the first rows.
std::unique_ptr<RowEncoder> make_table_encoder(std::vector<sql::ResultColumn> columns);

// Columns that a terminal needs to show the text.
size_t display_width(std::string_view text);

}  // namespace server::pg
