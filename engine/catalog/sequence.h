// A sequence of the catalog with its position, and the computation of its next numbers (docs/adr/0080). The functions
// are pure.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace engine {

struct Sequence {
  // in upper case unless quoted; with a schema other than public: `SCHEMA.NAME`
  std::string name;
  Uuid id;                           // unique for each CREATE
  std::string data_type = "bigint";  // smallint, integer or bigint
  int64_t start = 1, increment = 1, min = 1, max = INT64_MAX, cache = 1;
  bool cycles = false;
  std::string owner_table = {}, owner_column = {};  // the column in OWNED BY; empty: none
  // the role that created the sequence; empty: superusers
  std::string owner_role = {};

  // This number and all smaller ones are never returned again. If `is_called` is false, this number itself is the
  // next one.
  int64_t last_value = 1;
  bool is_called = false;
  // Increased by setval() and ALTER SEQUENCE, so that nodes discard the numbers that they have
  // reserved before.
  int64_t version = 0;

  bool operator==(const Sequence&) const = default;
};
using SequencePtr = std::shared_ptr<const Sequence>;

// `count` numbers from `first` on, at a distance of `increment`.
struct SequenceNumbers {
  int64_t first = 0, count = 0, increment = 1;
  int64_t last() const { return first + (count - 1) * increment; }
};

// Takes the next `count` numbers, or fewer if the sequence ends before. Fails with OutOfRange if no number remains.
Result<SequenceNumbers> take_numbers(Sequence& sequence, int64_t count);

// The position of a sequence: the last number that was returned, and the number of reserved numbers
// that are left.
struct SequencePosition {
  int64_t last_value = 0;
  bool is_called = false;
  int64_t reserved = 0;
};

// Sets the position of the sequence, as setval() does. Fails with OutOfRange if the value is outside the bounds.
Status set_value(Sequence& sequence, int64_t value, bool is_called);

// The smallest and the largest value of a type.
struct SequenceBounds {
  int64_t min, max;
};
SequenceBounds bounds_of(std::string_view data_type);

// Returns the catalog name for a text as in nextval('shop."Orders_seq"'). Quoted parts keep their letter case; other
// parts may have any letter case. Fails with InvalidText if the text is not a name.
Result<std::string> sequence_name(std::string_view text);

}  // namespace engine
