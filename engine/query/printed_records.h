// Prints the records of a topic as lines of text, as ksqlDB's PRINT does.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/printed_schemas.h"

namespace engine {

// Guesses the format of bytes. A format stays possible as long as all bytes that were examined so
// far fit it:
//
//   KAFKA_INT        4 bytes               KAFKA_BIGINT or KAFKA_DOUBLE   8 bytes
//   KAFKA_STRING     text                  JSON                           an object or a list
//   HOPPING(x) or TUMBLING(x), SESSION(x)  keys only: format x, then times (8 bytes, or 16 for both window bounds)
//
// Not thread-safe: one thread prints the records, and the printer owns the object.
class FormatGuess {
 public:
  explicit FormatGuess(Side side) : side_(side) {}

  // Looks at further bytes. Returns true if they change the set of possible formats.
  bool look_at(std::string_view bytes);
  std::string name() const;
  // Returns the format in which show() prints the bytes: the most specific one of the possible
  // formats, or kUnknown if none is possible.
  std::string likeliest() const;
  static constexpr std::string_view kUnknown = "BYTES";
  std::string show(std::string_view bytes) const;

 private:
  const Side side_;
  std::optional<uint32_t> possible_;  // a bit per kind; nullopt before the first bytes
};

// Prints the records of one topic.
//
// Threads: one at a time. Owner: the statement. `schemas` resolves the schema ids of AVRO, PROTOBUF and JSON_SR
// records; it must outlive the printer.
class RecordPrinter {
 public:
  explicit RecordPrinter(const SchemaLookup& schemas)
      : key_{FormatGuess(Side::Key), SchemaPrinter(schemas, Side::Key)},
        value_{FormatGuess(Side::Value), SchemaPrinter(schemas, Side::Value)} {}

  struct Record {
    std::optional<std::string_view> key, value;
    int64_t timestamp_ms = -1;
    int32_t partition = 0;
  };
  // Returns the line of the record. If a format is new or has changed, a line about the format
  // comes before it.
  std::vector<std::string> print(const Record& record);

 private:
  struct Part {
    FormatGuess guess;
    SchemaPrinter schemas;
    std::string name = guess.name();  // format that the last line about formats has reported
  };
  // Sets `text` to the printed form of the bytes. Returns true if the name of the format has changed.
  static bool show(Part& part, const std::optional<std::string_view>& bytes, std::string& text);

  Part key_, value_;
  bool has_printed_ = false;
};

}  // namespace engine
