// Reads the files of a directory once each, in the order of their names.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>

#include "base/clock.h"
#include "engine/connect/file_properties.h"
#include "server/connect/files/compressed_text.h"
#include "server/connect/files/folder.h"
#include "server/connect/files/line_reader.h"
#include "server/connect/ports.h"

namespace server {

// The position of a file is its inode and the offset after its last committed record. A file that
// was read to its end is "done". After the commit of that position the file is moved or deleted,
// and again after a crash between the two. A later commit then removes the position. If the file
// stays in the directory, its position is kept, so that the file is not read again.
//
// Threads: the task's. Owner: the task.
class DirectoryReader final : public SourceReader {
 public:
  // `folder`, `clock` and `columns` outlive the reader.
  DirectoryReader(const Folder& folder, const Clock& clock, const engine::FileSource& source,
                  const engine::RowColumns& columns);

  Status start(const SourcePositions& positions) override;
  Result<SourceBatch> poll(const Limits& limits) override;
  Status confirm(const SourcePositions& positions) override;
  std::optional<int64_t> lag_bytes() const override { return lag_bytes_; }

 private:
  enum class Outcome : uint8_t { Reading, Done, Failed };
  struct Progress {
    uint64_t inode = 0;
    FilePlace place;
    Outcome outcome = Outcome::Reading;
  };
  std::string path_of(std::string_view name) const;
  static SourcePosition position_of(std::string_view name, const Progress& progress);
  // Opens the next complete file that is not done; returns false if none exists.
  Result<bool> open_next();
  // Lists the complete files that are not done, in the order of their names.
  Status find_files();
  // A part of the open file, from the position of reader_ on; of a compressed file, a part of the
  // decompressed text.
  struct Part {
    std::string_view text;
    bool is_last = false;
  };
  Result<Part> next_part();
  // Returns how many bytes of the open file were read; of a compressed file, how many compressed
  // bytes.
  int64_t bytes_read() const;
  // Converts the next part of the present file.
  Result<SourceBatch> convert_file(const Limits& limits);
  // Closes the open file. It will be opened again, and read from `place` on.
  void put_back(FilePlace place);
  Status open(const std::string& name, FilePlace place);
  // Moves or deletes a file that is done, according to cleanup.policy. Returns true if its position
  // is no longer needed. If the file has grown, it is no longer done, and is read on.
  Result<bool> clean_up(const std::string& name, Progress& progress);
  void end_file(Outcome outcome, SourceBatch& batch);

  const Folder& folder_;
  const Clock& clock_;
  const engine::FileSource& source_;
  const engine::RowColumns& columns_;
  const std::regex pattern_;
  std::map<std::string, Progress> files_;  // progress in each file, by name
  std::vector<SourcePosition> removed_;    // positions that the next commit removes
  std::deque<std::string> waiting_;        // names that the last listing has found
  int64_t next_listing_ms_ = 0;            // time of the clock
  // The present file.
  OpenFile file_;
  std::string name_;
  int64_t file_size_ = 0;
  std::optional<LineReader> reader_;
  FileWindow window_;
  std::optional<CompressedFile> compressed_;  // used in place of window_ if the file is compressed
  int64_t lag_bytes_ = 0;
};

}  // namespace server
