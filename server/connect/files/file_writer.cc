#include "server/connect/files/file_writer.h"

#include <fmt/format.h>

#include "engine/connect/sink_lines.h"
#include "server/connect/files/record_lines.h"

namespace server {

namespace {

std::string part_of(const std::string& path) { return path + ".part"; }

std::string_view extension_of(engine::FileFormat format) {
  switch (format) {
    case engine::FileFormat::Json:
    case engine::FileFormat::JsonValues:  // only sources have this format
      return "json";
    case engine::FileFormat::Csv:
      return "csv";
    case engine::FileFormat::Line:
      break;
  }
  return "txt";
}

}  // namespace

Status FileWriter::start() { return folder_->make_directories(sink_.directory); }

std::string FileWriter::path_of(std::string_view name) const {
  return fmt::format("{}/{}", sink_.directory, name);
}

Result<bool> FileWriter::has_file(const std::string& path) const {
  const auto facts = folder_->facts(path);
  if (!facts && facts.error().code == ErrorCode::UndefinedObject) return false;
  if (!facts) return facts.error();
  return true;
}

Result<std::string> FileWriter::object_name(std::string_view topic, PartitionId partition,
                                            Offset first, int64_t /*first_ms*/) {
  const std::string extension = std::string(extension_of(sink_.format)) + sink_.suffix;
  std::string name = engine::sink_object_name(topic, partition, first, extension);
  if (TRY(has_file(path_of(name))))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("{} exists already, and is not written over", path_of(name)),
        "It is of another program, of a dropped connector, or of a dropped topic with this "
        "name.",
        "Move the file away, or set another output.path; then restart the connector."};
  return name;
}

Status FileWriter::begin(const engine::SinkObject& object) {
  path_ = path_of(object.name);
  file_ = OpenFile();
  if (TRY(has_file(path_))) return {};  // the server crashed after the rename and before the commit
  file_ = TRY(folder_->create_file(part_of(path_)));
  // path_ is derived from the stored name of the object, so its extension is right even if the
  // configuration has been changed since the name was stored.
  encoder_ = make_text_encoder(codec_of_file(path_));
  if (sink_.format == engine::FileFormat::Csv && sink_.has_header)
    return append(engine::csv_header(sink_.columns, sink_.csv) + "\n");
  return {};
}

Status FileWriter::append(std::string_view text) {
  std::string compressed;
  if (encoder_) TRY(encoder_->append(text, compressed));
  return append_bytes(encoder_ ? std::string_view(compressed) : text);
}

Status FileWriter::append_bytes(std::string_view bytes) {
  Status written = write_all(file_, bytes);
  if (written) return {};
  Error error = written.error();
  error.message = fmt::format("{}: {}", part_of(path_), error.message);
  return error;
}

Result<std::vector<BadRecord>> FileWriter::write(const std::vector<SinkRecord>& records) {
  std::string text;
  auto bad = append_lines(sink_, records, text);
  if (file_.is_open()) TRY(append(text));
  return bad;
}

Status FileWriter::finish() {
  if (!file_.is_open()) return {};
  if (encoder_) {
    std::string last;
    TRY(encoder_->finish(last));
    TRY(append_bytes(last));
  }
  TRY(sync_file(file_));
  file_ = OpenFile();
  return folder_->rename(part_of(path_), path_);
}

Result<bool> FileWriter::exists(const engine::SinkObject& object) {
  return has_file(path_of(object.name));
}

}  // namespace server
