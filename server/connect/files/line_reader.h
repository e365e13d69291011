// Converts the bytes of a file into records: lines, JSON lines or CSV rows. DirectoryReader and
// TailReader use it, and read the files themselves.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/delimited_text.h"
#include "engine/connect/file_properties.h"
#include "engine/connect/row_columns.h"
#include "engine/connect/spooldir/spool_records.h"
#include "server/connect/files/folder.h"
#include "server/connect/ports.h"

namespace server {

// A position in a file, between two records or within a record that is too long.
struct FilePlace {
  int64_t offset = 0;
  int64_t lines = 0;  // number of records before the offset, including the header
  // whether the offset is within a record that is too long; the rest of that record is skipped
  bool is_inside = false;
};

// Bytes of an open file. If a batch uses only some of the bytes that were read, the window keeps
// the others for the next batch.
//
// Threads: one. Owner: a reader of files.
class FileWindow {
 public:
  // Returns bytes of the file from `offset` on. `size` is the present size of the file. The result
  // has all bytes up to `size`, or at least enough to contain a whole record. The view is valid
  // until the next call.
  Result<std::string_view> at(const OpenFile& file, int64_t offset, int64_t size);
  // Drops the bytes, because another file follows, or because the file was truncated.
  void clear() { std::string().swap(bytes_); }  // an assignment would keep the memory

 private:
  std::string bytes_;
  int64_t offset_ = 0;  // offset of the first byte in the file
};

// Invariants: place() is after the last converted record, or within a record that is too long.
// Threads: one. Owner: a reader of files.
class LineReader {
 public:
  // `columns` are the types of the rows. `name` is the name of the file, which messages contain,
  // and by which its records stay in their order.
  LineReader(const engine::FileSource& source, const engine::RowColumns& columns, std::string name)
      : source_(source), columns_(columns), name_(std::move(name)) {}

  // The facts about the file for the records of a SpoolDir connector.
  struct File {
    std::string path;  // absolute
    int64_t size = 0;  // bytes
    int64_t modified_ms = 0;
  };
  void set_file(File file);

  // Whether a reader that does not begin at the start of the file needs the beginning of the file,
  // because it contains the names of the columns.
  bool needs_beginning() const;
  // `text` is the beginning of the file.
  Status read_beginning(std::string_view text);
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
  bool needs_header() const;
  // Reads the names of the columns from `record`, the header of the file.
  Status take_header(std::string_view record);
  // Determines the schemas of a SpoolDir connector from the first record after the header.
  Status begin_spool(std::string_view record);
  Result<SourceRecord> record_of(std::string_view record);
  Result<std::string> value_of(std::string_view record) const;
  std::vector<engine::ConnectHeader> headers() const;
  // Moves the place after the next line end or, if `text` has none, to the end of `text`. Returns the number of skipped
  // bytes.
  size_t skip_line(std::string_view text, engine::TextEnd end);
  // Returns the record as a bad record. The message of its error names the place of the record in
  // the file.
  BadRecord bad(const Error& error, std::string_view record) const;

  const engine::FileSource& source_;
  const engine::RowColumns& columns_;
  std::string name_;
  std::vector<std::string> header_;  // names of the columns
  File file_;
  std::optional<engine::SpoolRecords> spool_;
  FilePlace place_;
};

}  // namespace server
