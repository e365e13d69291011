// Writes the objects of a sink as files of a directory.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/file_properties.h"
#include "server/connect/files/compressed_text.h"
#include "server/connect/files/folder.h"
#include "server/connect/ports.h"

namespace server {

// A file is written under a name that ends with ".part", then synced and renamed, so that programs
// that read the directory find only complete files. The names of objects contain no directory. So
// if "output.path" is changed while an object is not finished, the object is written into the new
// directory.
//
// Threads: the task's. Owner: the task.
class FileWriter final : public SinkWriter {
 public:
  FileWriter(std::unique_ptr<Folder> folder, engine::FileSink sink)
      : folder_(std::move(folder)), sink_(std::move(sink)) {}

  Status start() override;
  Result<std::string> object_name(std::string_view topic, PartitionId partition, Offset first,
                                  int64_t first_ms) override;
  Status begin(const engine::SinkObject& object) override;
  Result<std::vector<BadRecord>> write(const std::vector<SinkRecord>& records) override;
  Status finish() override;
  Result<bool> exists(const engine::SinkObject& object) override;

 private:
  std::string path_of(std::string_view name) const;
  Result<bool> has_file(const std::string& path) const;
  Status append(std::string_view text);
  Status append_bytes(std::string_view bytes);

  const std::unique_ptr<Folder> folder_;
  const engine::FileSink sink_;
  // The file of the object that is being written. It is closed if the file of the object was
  // complete before a crash.
  OpenFile file_;
  std::string path_;                      // path of the complete file, without ".part"
  std::unique_ptr<TextEncoder> encoder_;  // compresses the file; null: the file is not compressed
};

}  // namespace server
