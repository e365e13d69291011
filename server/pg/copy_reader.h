// Parses the lines of COPY ... FROM STDIN: takes bytes that are cut anywhere and produces columns.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/text_forms.h"
#include "server/pg/copy_options.h"
#include "server/sql/port.h"

namespace server::pg {

class ClientEncoding;

// Threads: one at a time. Owner: one COPY.
class CopyReader {
 public:
  virtual ~CopyReader() = default;
  // Errors have `context`: "COPY orders, line 4711, column amount". After an error nothing more can
  // be read.
  virtual Status add(std::string_view bytes) = 0;
  // Reads the remaining bytes as the last line, even if they have no line end.
  virtual Status end() = 0;

  size_t row_count() const { return rows_.rows; }
  size_t size_bytes() const { return size_bytes_; }  // size of the text of the rows
  virtual size_t held_bytes() const = 0;             // size of the unfinished line in memory
  sql::CopyRows take_rows();

 protected:
  virtual std::vector<engine::Column> empty_columns() const = 0;
  sql::CopyRows rows_;
  size_t size_bytes_ = 0;
};

// Returns the error for a text that contains the byte 0.
Error zero_byte();

// `columns`: the columns of a line (none for JSON). `source`: the name that errors show.
// `encoding`: the encoding of texts in the binary format; in the other formats the bytes are UTF-8.
// `forms`: the text forms of times.
std::unique_ptr<CopyReader> make_copy_reader(const CopyOptions& options,
                                             std::vector<sql::ResultColumn> columns,
                                             std::string source,
                                             std::shared_ptr<ClientEncoding> encoding = nullptr,
                                             const engine::TextForms& forms = {});

}  // namespace server::pg
