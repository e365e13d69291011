// Gives the next numbers of SERIAL columns (docs/adr/0053). They are greater than each number that
// the table has, or has had since the server started.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/uuid.h"

namespace server {

// Threads: any. Owner: SqlParts.
class SerialNumbers {
 public:
  // A column, identified by the topic of its table (TRUNCATE replaces the topic) and by its
  // position in the schema.
  using Column = std::pair<Uuid, size_t>;

  // Records that a row has this number, whether generated or explicit. All later numbers are
  // greater.
  void note(const Column& column, int64_t number);
  // Takes `count` numbers and returns the first of them; nothing while the first free number is
  // unknown.
  std::optional<int64_t> take(const Column& column, int64_t count);
  // Sets the first free number; only the first call has an effect.
  void begin(const Column& column, int64_t first);
  bool knows(const Column& column) const;

 private:
  mutable std::mutex mutex_;
  struct Numbers {
    std::optional<int64_t> next;
    int64_t greatest = 0;  // greatest number that was passed to note()
  };
  std::map<Column, Numbers> numbers_;
};

}  // namespace server
