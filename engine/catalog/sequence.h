// A sequence: where its numbers are, and the next ones of them (docs/adr/0080). Pure.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"

namespace engine {

struct Sequence {
  std::string name;  // as those of tables: folded, with its schema and a dot before it
  Uuid id;           // another one for each CREATE
  std::string data_type = "bigint";  // smallint, integer or bigint
  int64_t start = 1, increment = 1, min = 1, max = INT64_MAX, cache = 1;
  bool cycles = false;
  std::string owner_table = {}, owner_column = {};  // OWNED BY; empty: nobody
  std::string owner_role = {};                      // who made it; empty: whoever may do everything

  // No number up to this one is given to anybody once more; where `is_called` is false it is itself the next one.
  int64_t last_value = 1;
  bool is_called = false;
  // Goes up whenever numbers that were reserved before are not to be given any more: setval(), ALTER SEQUENCE.
  int64_t version = 0;

  bool operator==(const Sequence&) const = default;
};
using SequencePtr = std::shared_ptr<const Sequence>;

// Some numbers, each `increment` behind the one before.
struct SequenceNumbers {
  int64_t first = 0, count = 0, increment = 1;
  int64_t last() const { return first + (count - 1) * increment; }
};

// The next ones: `count` of them, or as many as there are up to the end. Fails with OutOfRange where there is none.
Result<SequenceNumbers> take_numbers(Sequence& sequence, int64_t count);

// How far it has come: what was given last, and how many more numbers are reserved.
struct SequencePosition {
  int64_t last_value = 0;
  bool is_called = false;
  int64_t reserved = 0;
};

// setval(): fails with OutOfRange beyond the bounds.
Status set_value(Sequence& sequence, int64_t value, bool is_called);

// What values a type has.
struct SequenceBounds {
  int64_t min, max;
};
SequenceBounds bounds_of(std::string_view data_type);

// The name in the catalog of what a text names, as nextval('shop."Orders_seq"') does: parts in quotes as they are, others
// in any case. Fails with InvalidText where it is no name.
Result<std::string> sequence_name(std::string_view text);

}  // namespace engine
