#include "server/connect/s3/s3_writer.h"

#include <fmt/format.h>

#include "base/free_memory.h"
#include "engine/connect/sink_lines.h"
#include "server/connect/files/record_lines.h"

namespace server {

void S3Writer::use(TaskWait wait) {
  client_.emplace(sink_.bucket, may_reach_private_addresses_, clock_, std::move(wait));
}

Status S3Writer::start() { return client_->check_bucket(); }

size_t S3Writer::object_memory() const {
  // The bytes, their copy in the request, and the bytes that a conversion adds, such as escapes in JSON.
  constexpr size_t kCopies = 3;
  return kCopies * static_cast<size_t>(sink_.limits.bytes);
}

Result<std::string> S3Writer::object_name(std::string_view topic, PartitionId partition,
                                          Offset first, int64_t first_ms) {
  const int64_t time_ms = sink_.uses_wall_clock ? clock_.wall_ms() : first_ms;
  std::string name = engine::s3_object_name(sink_, topic, partition, first, time_ms);
  if (TRY(client_->has_object(name)))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("bucket {} has {} already, which is not replaced", sink_.bucket.name, name),
        "It is of another program, of a dropped connector, or of a dropped topic with "
        "this name.",
        "Move the object away, or set another topics.dir; then restart the connector."};
  return name;
}

bool S3Writer::may_share_object(int64_t first_ms, int64_t ms) const {
  return !sink_.times || sink_.uses_wall_clock || sink_.times->is_same(first_ms, ms);
}

Status S3Writer::begin(const engine::SinkObject& object) {
  name_ = object.name;
  bytes_.clear();
  has_records_ = false;
  // The codec follows from the stored name, even if the configuration has changed since the name was stored.
  encoder_ = make_text_encoder(codec_of_file(name_));
  if (sink_.format == engine::S3Format::Csv && sink_.has_header)
    return append(engine::csv_header(sink_.columns, sink_.csv) + sink_.separator);
  return {};
}

Status S3Writer::append(std::string_view text) {
  if (encoder_) return encoder_->append(text, bytes_);
  bytes_ += text;
  return {};
}

Result<std::vector<BadRecord>> S3Writer::write(const std::vector<SinkRecord>& records) {
  std::string text;
  auto bad = append_records(
      records, sink_.ignores_nulls, sink_.separator,
      [this](const std::optional<std::string>& value) -> Result<std::optional<std::string>> {
        if (!value) return std::optional<std::string>();
        return engine::s3_record_text(sink_, *value);
      },
      text);
  has_records_ = has_records_ || !text.empty();
  TRY(append(text));
  return bad;
}

Status S3Writer::finish() {
  if (encoder_) TRY(encoder_->finish(bytes_));
  // If all records are bad or without a value, no object is stored.
  if (has_records_) TRY(client_->put_object(name_, bytes_));
  free_memory(bytes_);
  return {};
}

Result<bool> S3Writer::exists(const engine::SinkObject& object) {
  return client_->has_object(object.name);
}

}  // namespace server
