// The records of a topic as lines of text, as ksqlDB's PRINT shows them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// What bytes may be, as far as all that were seen can be it.
//
//   KAFKA_INT        4 bytes               KAFKA_BIGINT or KAFKA_DOUBLE   8 bytes
//   KAFKA_STRING     text                  JSON                           an object or a list
//   HOPPING(x) or TUMBLING(x), SESSION(x)  of keys: an x, then 8 bytes of time, or 16
//
// Threads: none. Owner: the printer.
class FormatGuess {
 public:
  enum class Side : uint8_t { Key, Value };
  explicit FormatGuess(Side side) : side_(side) {}

  // True when that changes what it may be.
  bool look_at(std::string_view bytes);
  std::string name() const;
  std::string show(std::string_view bytes) const;

 private:
  const Side side_;
  std::optional<uint32_t> possible_;  // bits, by kind; nothing before the first bytes
};

// Threads: one at a time. Owner: the statement.
class RecordPrinter {
 public:
  struct Record {
    std::optional<std::string_view> key, value;
    int64_t timestamp_ms = -1;
    int32_t partition = 0;
  };
  // The record's line; before it, where they are told for the first time or anew, those of the formats.
  std::vector<std::string> print(const Record& record);

 private:
  FormatGuess key_{FormatGuess::Side::Key}, value_{FormatGuess::Side::Value};
  bool has_printed_ = false;
};

}  // namespace engine
