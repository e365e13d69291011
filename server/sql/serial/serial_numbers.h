// The next numbers of SERIAL columns (docs/adr/0053): behind the greatest that the table has, or had since the start.
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
  // By the topic, which is another one after TRUNCATE, and the column's place in the schema.
  using Column = std::pair<Uuid, size_t>;

  // A row has this number, whoever gave it: later ones come behind it.
  void note(const Column& column, int64_t number);
  // The first of `count` numbers that nobody else gets; nothing while it is not known where they begin.
  std::optional<int64_t> take(const Column& column, int64_t count);
  // Where they begin; the first one to say so counts.
  void begin(const Column& column, int64_t first);
  bool knows(const Column& column) const;

 private:
  mutable std::mutex mutex_;
  struct Numbers {
    std::optional<int64_t> next;
    int64_t greatest = 0;  // that was noted
  };
  std::map<Column, Numbers> numbers_;
};

}  // namespace server
