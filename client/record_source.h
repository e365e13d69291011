// The interface of the readers from which records are printed.
#pragma once
#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <span>

#include "base/result.h"

namespace client {

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Returns at most `most` messages that arrive within `wait_ms`; often none. They are valid until
  // the next call. Fails if no further messages can be read.
  virtual Result<std::span<rd_kafka_message_t* const>> read(int wait_ms, size_t most) = 0;
  // Returns whether every partition has been read to its end at least once.
  virtual bool has_reached_ends() const = 0;
};

}  // namespace client
