// Appends the records of a sink to one file, as Kafka Connect's FileStreamSinkConnector does.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/file_properties.h"
#include "server/connect/files/folder.h"
#include "server/connect/ports.h"

namespace server {

// The name of an object consists of the inode of the file and the size of the file before the
// object. After a crash, the bytes after this size are compared with the bytes of the object, and
// only the missing bytes are appended. So each record is in the file once, although nothing is ever
// removed from the file. If the bytes differ, another program has written to the file, too; then
// all bytes of the object are appended.
//
// Threads: the task's. Owner: the task.
class FileAppender final : public SinkWriter {
 public:
  FileAppender(std::unique_ptr<Folder> folder, engine::FileSink sink)
      : folder_(std::move(folder)), sink_(std::move(sink)) {}

  Status start() override;
  Result<std::string> object_name(std::string_view topic, PartitionId partition, Offset first,
                                  int64_t first_ms) override;
  Status begin(const engine::SinkObject& object) override;
  Result<std::vector<BadRecord>> write(const std::vector<SinkRecord>& records) override;
  Status finish() override;
  Result<bool> exists(const engine::SinkObject&) override { return false; }

 private:
  Status open();

  const std::unique_ptr<Folder> folder_;
  const engine::FileSink sink_;
  OpenFile file_;
  // The bytes of the object that is being written. FileSink::limits and the maximum size of a
  // record limit their number.
  std::string bytes_;
  // size of the file before the object; nothing if the object begins a new file
  std::optional<int64_t> begin_;
};

}  // namespace server
