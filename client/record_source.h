// Where records to print come from.
#pragma once
#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <span>

#include "base/result.h"

namespace client {

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // What came within `wait_ms`, at most so many; often nothing. The messages live until the next call.
  // Fails when there is nothing to be had any more.
  virtual Result<std::span<rd_kafka_message_t* const>> read(int wait_ms, size_t most) = 0;
  // Whether every partition has been read to its end at least once.
  virtual bool has_reached_ends() const = 0;
};

}  // namespace client
