// Reads a file that grows, and follows it when it is rotated.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/connect/file_properties.h"
#include "server/connect/files/folder.h"
#include "server/connect/files/line_reader.h"
#include "server/connect/ports.h"

namespace server {

// A position consists of the inode of the file, a hash of its first bytes, and the offset after the
// last complete line. The inode finds the file after it was renamed. The hash shows whether the
// file still has the content that was read.
//
//   rename and create   the old file is read to its end, then the files renamed after it, then the new one
//   copy and truncate   the size is below the offset, or the hash differs: reading begins at 0; lines written between
//                       copy and truncation are lost, and the log reports the truncation
//
// Invariants: the file of `reader_` is open as long as it may get more lines.
// Threads: the task's. Owner: the task.
class TailReader final : public SourceReader {
 public:
  // `folder`, `clock` and `columns` outlive the reader.
  TailReader(const Folder& folder, const Clock& clock, const engine::FileSource& source,
             const engine::RowColumns& columns)
      : folder_(folder), clock_(clock), source_(source), columns_(columns) {}

  Status start(const SourcePositions& positions) override;
  Result<SourceBatch> poll(const Limits& limits) override;
  Status confirm(const SourcePositions&) override { return {}; }
  std::optional<int64_t> lag_bytes() const override { return lag_bytes_; }

 private:
  // The place in a file from which a restart continues, as stored in __connect_state.
  struct Mark {
    uint64_t inode = 0;
    std::string hash = {};  // hash of the first `hashed_bytes` bytes of the file
    int64_t hashed_bytes = 0;
    FilePlace place = {};
  };
  static std::optional<Mark> parse(const SourcePosition& position);
  std::string partition_json() const;
  Result<SourcePosition> position();

  // Opens the file of the position, by its name or, if it was renamed, by its inode. If the file
  // does not exist, no file is open afterwards.
  Status open_marked(const Mark& mark);
  Status begin(OpenFile file, FilePlace place);
  // Returns whether another file has got the name of the open one, so that the open file gets no
  // further lines.
  Result<bool> is_finished();
  // Returns a time, in nanoseconds, that the clock of the file system has reached. `seen_ns` is the
  // newest time of a file. The clock of this node is not used: a network file system has a clock of
  // its own, and the nodes of a cluster have several.
  int64_t file_system_ns(int64_t seen_ns);
  // Opens the file that was created after the open one. Returns false if it does not exist yet.
  Result<bool> open_next();
  // Returns the names of the rotated files that are younger than the file with these facts, from
  // the oldest to the youngest.
  Result<std::vector<std::string>> younger_than(const FileFacts& facts) const;
  Status restart_if_truncated();

  const Folder& folder_;
  const Clock& clock_;
  const engine::FileSource& source_;
  const engine::RowColumns& columns_;
  OpenFile file_;
  std::optional<LineReader> reader_;
  FileWindow window_;
  Mark mark_;
  int64_t lag_bytes_ = 0;
  int64_t reached_ns_ = 0;  // the clock of the file system had reached this time at reached_us_
  int64_t reached_us_ = 0;  // on the monotonic clock
};

}  // namespace server
