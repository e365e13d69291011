// Writes the objects of a sink into a bucket of S3 or a compatible service.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/connect/s3/s3_sink_properties.h"
#include "server/connect/files/compressed_text.h"
#include "server/connect/ports.h"
#include "server/connect/s3/s3_client.h"

namespace server {

// An object is in memory until it is complete, and is then stored with one request. So readers of the bucket find only
// complete objects, and a crash leaves no part of an upload behind. An object that the task writes again after a crash
// replaces the first one, which has the same bytes.
//
// Threads: the task's. Owner: the task.
class S3Writer final : public SinkWriter {
 public:
  S3Writer(engine::S3Sink sink, bool may_reach_private_addresses, const Clock& clock)
      : sink_(std::move(sink)),
        may_reach_private_addresses_(may_reach_private_addresses),
        clock_(clock) {}

  void use(TaskWait wait) override;
  Status start() override;
  size_t object_memory() const override;
  Result<std::string> object_name(std::string_view topic, PartitionId partition, Offset first,
                                  int64_t first_ms) override;
  bool may_share_object(int64_t first_ms, int64_t ms) const override;
  Status begin(const engine::SinkObject& object) override;
  Result<std::vector<BadRecord>> write(const std::vector<SinkRecord>& records) override;
  Status finish() override;
  Result<bool> exists(const engine::SinkObject& object) override;

 private:
  Status append(std::string_view text);

  const engine::S3Sink sink_;
  const bool may_reach_private_addresses_;
  const Clock& clock_;
  std::optional<S3Client> client_;
  // The object that is being written.
  std::string name_, bytes_;
  bool has_records_ = false;
  std::unique_ptr<TextEncoder> encoder_;  // compresses the object; null: it is not compressed
};

}  // namespace server
