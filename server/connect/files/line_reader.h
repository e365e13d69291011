// Converts the bytes of a file into records: lines, JSON lines or CSV rows. Both file sources use it; it does no I/O
// itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/delimited_text.h"
#include "engine/connect/file_properties.h"
#include "engine/connect/row_columns.h"
#include "server/connect/files/folder.h"
#include "server/connect/ports.h"

namespace server {

// The bytes of a file from an offset on, and the number of records before it.
struct FilePlace {
  int64_t offset = 0;
  int64_t lines = 0;  // number of records before the offset, including the header
  // True if the offset lies within a record that is too long, whose remaining bytes are skipped.
  bool is_inside = false;
};

// The bytes of an open file from a place on. A batch may use only some of the bytes that were read;
// the rest is kept for the next batch.
//
// Threads: one. Owner: a reader of files.
class FileWindow {
 public:
  // Returns the bytes from `offset` to `size`, the present size of the file: all of them, or enough to contain a whole
  // record. The view is valid until the next call.
  Result<std::string_view> at(const OpenFile& file, int64_t offset, int64_t size);
  // Forgets the bytes, because another file follows, or the file was truncated.
  void clear() { std::string().swap(bytes_); }  // an assignment would keep the memory

 private:
  std::string bytes_;
  int64_t offset_ = 0;  // offset of the first byte in the file
};

// Invariants: `place()` is after the last converted record, or within a record that is too long. Threads: one. Owner: a
// reader of files.
class LineReader {
 public:
  // `columns` are the types of the rows; `name` is the file for messages and for the order of records.
  LineReader(const engine::FileSource& source, const engine::RowColumns& columns, std::string name)
      : source_(source), columns_(columns), name_(std::move(name)) {}

  // Sets the names of the columns from `record`, the first record of the file. For a reader that
  // begins after this record.
  Status take_header(std::string_view record);
  bool needs_header() const;
  void go_to(FilePlace place) { place_ = place; }
  const FilePlace& place() const { return place_; }
  const std::string& name() const { return name_; }

  // Converts the complete records at the beginning of `text`, which starts at place(), and moves
  // the place after them. Stops at the limits. Returns false if `text` does not contain one
  // complete record.
  Result<bool> convert(std::string_view text, engine::TextEnd end,
                       const SourceReader::Limits& limits, SourceBatch& batch);

 private:
  std::optional<engine::TextRecord> first_record(std::string_view text, engine::TextEnd end) const;
  Result<std::string> value_of(std::string_view record) const;
  // Moves the place after the next line end or, if `text` has none, to the end of `text`. Returns the number of skipped
  // bytes.
  size_t skip_line(std::string_view text, engine::TextEnd end);
  // Returns the record with its error, whose message names the place of the record.
  BadRecord bad(const Error& error, std::string_view record) const;

  const engine::FileSource& source_;
  const engine::RowColumns& columns_;
  std::string name_;
  std::vector<std::string> header_;  // names of the columns
  FilePlace place_;
};

}  // namespace server
