// The lines of COPY ... FROM STDIN as rows: bytes that are cut anywhere go in, columns come out.
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

// Threads: none; belongs to one COPY.
class CopyReader {
 public:
  virtual ~CopyReader() = default;
  // Errors have `context`: "COPY orders, line 4711, column amount". Nothing more can be read after
  // one.
  virtual Status add(std::string_view bytes) = 0;
  // What is left is the last line, though no line end follows.
  virtual Status end() = 0;

  size_t row_count() const { return rows_.rows; }
  size_t size_bytes() const { return size_bytes_; }  // of the text of those rows
  virtual size_t held_bytes() const = 0;             // beside those rows: an unfinished line
  sql::CopyRows take_rows();

 protected:
  virtual std::vector<engine::Column> empty_columns() const = 0;
  sql::CopyRows rows_;
  size_t size_bytes_ = 0;
};

// What is said of a text that holds the byte 0.
Error zero_byte();

// `columns` are those of a line (none for JSON), `source` is the name that errors show, `encoding` that of texts within
// the binary format; the others' bytes are UTF-8. `forms`: of texts of times.
std::unique_ptr<CopyReader> make_copy_reader(const CopyOptions& options,
                                             std::vector<sql::ResultColumn> columns,
                                             std::string source,
                                             std::shared_ptr<ClientEncoding> encoding = nullptr,
                                             const engine::TextForms& forms = {});

}  // namespace server::pg
