#include "server/connect/files/file_appender.h"

#include <fmt/format.h>

#include <charconv>

#include "server/connect/files/record_lines.h"

namespace server {

namespace {

struct FilePoint {
  uint64_t inode = 0;
  int64_t size = 0;
};

std::optional<FilePoint> parse_point(std::string_view name) {
  FilePoint point;
  const char* const end = name.data() + name.size();
  const auto inode = std::from_chars(name.data(), end, point.inode);
  if (inode.ec != std::errc() || inode.ptr == end || *inode.ptr != ':') return std::nullopt;
  const auto size = std::from_chars(inode.ptr + 1, end, point.size);
  if (size.ec != std::errc() || size.ptr != end) return std::nullopt;
  return point;
}

}  // namespace

Status FileAppender::start() { return open(); }

Status FileAppender::open() {
  file_ = TRY(folder_->append_file(sink_.file));
  return {};
}

Result<std::string> FileAppender::object_name(std::string_view, PartitionId, Offset, int64_t) {
  TRY(open());  // a rotation may have renamed the file
  const FileFacts facts = TRY(facts_of(file_));
  return fmt::format("{}:{}", facts.inode, facts.size);
}

Status FileAppender::begin(const engine::SinkObject& object) {
  bytes_.clear();
  begin_.reset();
  const auto point = parse_point(object.name);
  const FileFacts facts = TRY(facts_of(file_));
  if (point && point->inode == facts.inode && point->size <= facts.size) begin_ = point->size;
  return {};
}

Result<std::vector<BadRecord>> FileAppender::write(const std::vector<SinkRecord>& records) {
  return append_lines(sink_, records, bytes_);
}

Status FileAppender::finish() {
  size_t written = 0;
  if (begin_) {
    const std::string present = TRY(read_at(file_, *begin_, bytes_.size()));
    if (bytes_.starts_with(present)) written = present.size();
  }
  if (Status status = write_all(file_, std::string_view(bytes_).substr(written)); !status) {
    Error error = status.error();
    error.message = fmt::format("{}: {}", sink_.file, error.message);
    return error;
  }
  return sync_file(file_);
}

}  // namespace server
