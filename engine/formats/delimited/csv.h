// Splits the text of COPY ... FROM STDIN, in PostgreSQL's CSV or text format, into records and
// fields.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace engine {

struct CopyField {
  std::string_view text;
  bool is_null = false;
};

// One record. The views are valid until the next call of the reader.
struct CopyRecord {
  std::span<const CopyField> fields;
  uint64_t line = 0;  // first line of the record, from 1
};

struct CopyTextOptions {
  char delimiter = ',';
  std::string null_text = {};  // an unquoted field with this text is NULL
  bool has_header = false;     // the first record has the column names
  char quote = '"';            // used by CSV
  char escape = '"';           // used by CSV, inside quotes
  // A record with more fields is cut after max_fields + 1 fields. Otherwise a line that consists
  // only of delimiters would take at least sixteen times its size in memory.
  size_t max_fields = SIZE_MAX - 1;
};

// Takes the text in pieces of any size and returns it record by record.
//
//   reader.feed(bytes);  while (TRY(reader.next(record))) ...;  reader.finish();  while ...
//
// Threads: one at a time.
class CopyTextReader {
 public:
  // A longer record is an error. Without a limit, one missing quote would make the reader collect
  // all of the following input in memory.
  static constexpr size_t kMaxRecordBytes = size_t{64} << 20;

  explicit CopyTextReader(CopyTextOptions options) : options_(std::move(options)) {}
  virtual ~CopyTextReader() = default;

  // Appends a copy of the bytes to the input.
  void feed(std::string_view bytes);
  // Marks the end of the input; a last record without a line end is then complete.
  void finish() { finished_ = true; }
  // Returns true and the next record, or false if more input is needed (after finish(): at the end
  // of the input). A line that consists of \. ends the input, and everything after it is ignored.
  // Fails with BadCopyFormat for a quote that is not closed, a record that is too long, or an
  // escape at the end; the error's context is "line N".
  Result<bool> next(CopyRecord& record);
  // Returns the memory that the reader uses for an unfinished record and for the fields of the last
  // record.
  size_t held_bytes() const {
    return buffer_.capacity() + scratch_.capacity() + fields_.capacity() * sizeof(CopyField);
  }
  // Returns the fields of the header line, once next() has read it.
  const std::vector<std::string>& header() const { return header_; }

 protected:
  // Returns the end of the record at the front of `data`, without its line end; npos if `data` does
  // not contain the end. Continues where the last call for the same record stopped.
  virtual size_t find_end(std::string_view data) = 0;
  virtual void restart_scan() { scanned_ = 0; }
  // Returns whether the input may end at the place where find_end() stopped.
  virtual bool may_end() const { return true; }
  // Splits a record into fields. Stops if has_too_many_fields().
  virtual Status split(std::string_view record) = 0;
  bool has_too_many_fields() const { return fields_.size() > options_.max_fields; }

  void add_field(std::string_view text, bool is_null) { fields_.push_back({text, is_null}); }
  // Returns a buffer for unescaped text, valid until the next record.
  char* scratch(size_t size) {
    return scratch_.data() + std::exchange(scratch_used_, scratch_used_ + size);
  }

  const CopyTextOptions options_;
  size_t scanned_ = 0;  // bytes of the current record that find_end() has scanned

 private:
  Result<bool> take(CopyRecord& record);
  Error malformed(std::string message) const;

  std::string buffer_;
  size_t begin_ = 0;  // begin of the current record in buffer_
  std::vector<CopyField> fields_;
  std::string scratch_;
  size_t scratch_used_ = 0;
  std::vector<std::string> header_;
  uint64_t line_ = 1;
  bool header_taken_ = false, finished_ = false, ended_ = false;
};

// Makes a reader of CSV. Fields may be quoted, with delimiters and line ends inside; "" inside
// quotes is a quote.
std::unique_ptr<CopyTextReader> make_csv_reader(CopyTextOptions options);
// Makes a reader of the text format, whose fields have no quotes, but escapes: \t, \n, \\, \N for
// NULL, \ooo, \xhh.
std::unique_ptr<CopyTextReader> make_copy_text_reader(CopyTextOptions options);

}  // namespace engine
