// Encodes rows of columns as messages to a client: DataRows, or the CopyData of COPY ... TO STDOUT.
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
#include "server/sql/script.h"

namespace server::pg {

// Limit for the length of a row, the same as for a message of a client. It is needed because
// columns can repeat one long value a thousand times, and the length of a message has 31 bits.
inline constexpr size_t kMaxRowBytes = size_t{64} << 20;

class ClientEncoding;

class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  // Writes the output before the first row, such as a header line. Later calls write nothing.
  virtual void append_header(std::string& /*out*/) {}
  // Writes the output after the last row.
  virtual void append_trailer(std::string& /*out*/) {}
  // Returns the format that the answer to COPY ... TO announces.
  virtual Format format() const { return Format::Text; }
  // Returns whether the header may be delayed for a moment, so that it is written together with the
  // first rows.
  virtual bool header_may_wait() const { return false; }
  // Writes one message per row for rows [first_row, end_row) until `out` has `enough_bytes`, and
  // returns the number of rows written. Fails with LimitExceeded at a row of more than
  // kMaxRowBytes, which it omits.
  virtual Result<size_t> append_rows(std::string& out, std::span<const engine::ColumnPtr> columns,
                                     size_t first_row, size_t end_row, size_t enough_bytes) = 0;
};

// Writes DataRows. `formats`: empty (all text), one for all columns, or one per column. `encoding`,
// here and below: the encoding of texts; null: UTF-8. Rows with a character that the encoding lacks
// fail with InvalidEncoding. `forms`: the text forms of times.
std::unique_ptr<RowEncoder> make_data_row_encoder(
    std::vector<sql::ResultColumn> columns, std::vector<Format> formats,
    std::shared_ptr<ClientEncoding> encoding = nullptr, engine::TextForms forms = {});
// Writes lines in COPY's text or csv format.
std::unique_ptr<RowEncoder> make_copy_encoder(std::vector<sql::ResultColumn> columns,
                                              CopyOptions options,
                                              std::shared_ptr<ClientEncoding> encoding = nullptr,
                                              engine::TextForms forms = {});
// Writes an aligned table like psql, line by line. It shows a push query to users of stock psql,
// which shows DataRows only when a result is complete (pg-wire: P3). The columns are first as wide
// as the first rows need, and grow with later values, up to some hundred characters.
std::unique_ptr<RowEncoder> make_table_encoder(std::vector<sql::ResultColumn> columns,
                                               std::shared_ptr<ClientEncoding> encoding = nullptr,
                                               engine::TextForms forms = {});

// Writes rows in the form of a script's answers. The form outlives the encoder.
std::unique_ptr<RowEncoder> make_form_encoder(sql::AnswerForm& form);

// Returns the number of terminal columns that the text takes.
size_t display_width(std::string_view text);

}  // namespace server::pg
