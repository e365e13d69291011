// Rows of columns as messages to a client: DataRows, or the CopyData of COPY ... TO STDOUT.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/column.h"
#include "engine/types/text_forms.h"
#include "server/pg/copy_options.h"
#include "server/pg/wire_types.h"
#include "server/sql/port.h"

namespace server::pg {

// As long as the longest message that clients may send. Columns can repeat one long value a thousand
// times, and a message's length has 31 bits.
inline constexpr size_t kMaxRowBytes = size_t{64} << 20;

class ClientEncoding;

class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  // What comes before the first row: a header line. Once it is written it does nothing.
  virtual void append_header(std::string& /*out*/) {}
  // What comes behind the last row.
  virtual void append_trailer(std::string& /*out*/) {}
  // Of what a COPY sends.
  virtual Format format() const { return Format::Text; }
  // Whether the header is better written together with the first rows, if they come soon.
  virtual bool header_may_wait() const { return false; }
  // Whole messages, one a row, of rows [first_row, end_row), until `out` has `enough_bytes`; how many
  // rows that were. Fails with LimitExceeded at a row of more than kMaxRowBytes, which is left out.
  virtual Result<size_t> append_rows(std::string& out, std::span<const engine::ColumnPtr> columns,
                                     size_t first_row, size_t end_row, size_t enough_bytes) = 0;
};

// `formats`: none (all text), one for all, or one a column. `encoding`, here and below: what texts are turned into; null:
// they stay UTF-8. Rows with what it does not have fail with InvalidEncoding. `forms`: in which texts of times are.
std::unique_ptr<RowEncoder> make_data_row_encoder(
    std::vector<sql::ResultColumn> columns, std::vector<Format> formats,
    std::shared_ptr<ClientEncoding> encoding = nullptr, engine::TextForms forms = {});
// Lines of COPY's text or csv format.
std::unique_ptr<RowEncoder> make_copy_encoder(std::vector<sql::ResultColumn> columns,
                                              CopyOptions options,
                                              std::shared_ptr<ClientEncoding> encoding = nullptr,
                                              engine::TextForms forms = {});
// An aligned table as psql draws it, line by line: what a person sees of a push query in stock
// psql, which shows DataRows only when a result is complete (pg-wire: P3). Widths grow with the
// values, up to some hundred characters; they begin with those of the first rows.
std::unique_ptr<RowEncoder> make_table_encoder(std::vector<sql::ResultColumn> columns,
                                               std::shared_ptr<ClientEncoding> encoding = nullptr,
                                               engine::TextForms forms = {});

// Columns that a terminal needs to show the text.
size_t display_width(std::string_view text);

}  // namespace server::pg
