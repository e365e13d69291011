// Functions of sequences. They use the session's sequences; a persistent query has none.
#include "engine/functions/sequences.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/functions/families.h"

namespace engine {

namespace {

thread_local Sequences* in_use = nullptr;

Error no_sequences() {
  return {ErrorCode::NotSupported,
          "functions of sequences cannot be computed here: not over a stream, nor in a condition "
          "that looks up a key"};
}

// Returns the name of a sequence. The argument is the name, or the sequence's number.
std::string name_at(const Argument& argument, size_t row) {
  if (argument.type().kind() == TypeKind::Bigint) return std::to_string(argument.get<int64_t>(row));
  return std::string(argument.get<std::string_view>(row));
}

// Appends the result of one row. After an error, the rows that follow become null without an error
// of their own.
void put(KernelCall& call, size_t row, const Result<int64_t>& value, bool& has_failed) {
  if (value) {
    call.out.append(*value);
    return;
  }
  call.out.append_null();
  call.errors.add(row, value.error());
  has_failed = true;
}

template <class F>
void for_rows(KernelCall& call, F value_of) {
  bool has_failed = false;
  for (size_t row = 0; row < call.rows; ++row) {
    bool is_null = false;
    for (const Argument& argument : call.args) is_null = is_null || argument.is_null(row);
    if (is_null || has_failed)
      call.out.append_null();
    else if (!in_use)
      put(call, row, no_sequences(), has_failed);
    else
      put(call, row, value_of(row), has_failed);
  }
}

// Computes nextval(). Consecutive rows for the same sequence reserve their numbers together.
void nextval(KernelCall& call) {
  std::vector<int64_t> numbers;
  size_t first = 0;
  Status given;
  const auto same_rows = [&](size_t row) {
    size_t rows = 1;
    const std::string name = name_at(call.args[0], row);
    while (row + rows < call.rows && !call.args[0].is_null(row + rows) &&
           (call.args[0].is_constant || name_at(call.args[0], row + rows) == name))
      ++rows;
    return rows;
  };
  for_rows(call, [&](size_t row) -> Result<int64_t> {
    if (row < first + numbers.size() && row >= first) return numbers[row - first];
    first = row;
    numbers.resize(same_rows(row));
    given = in_use->next(name_at(call.args[0], row), numbers, call.context.budget);
    if (!given) return given.error();
    return numbers.front();
  });
}

void currval(KernelCall& call) {
  for_rows(call, [&](size_t row) { return in_use->current(name_at(call.args[0], row)); });
}

void lastval(KernelCall& call) {
  for_rows(call, [&](size_t) { return in_use->last(); });
}

void txid_current(KernelCall& call) {
  std::optional<int64_t> number;
  for_rows(call, [&](size_t) -> Result<int64_t> {
    if (!number) number = in_use->transaction();
    return *number;
  });
}

void setval(KernelCall& call) {
  for_rows(call, [&](size_t row) -> Result<int64_t> {
    const auto value = call.args[1].get<int64_t>(row);
    const bool is_called = call.args.size() < 3 || call.args[2].get<uint8_t>(row) != 0;
    TRY(in_use->set(name_at(call.args[0], row), value, is_called, call.context.budget));
    return value;
  });
}

constexpr std::string_view kNext = "The next number of a sequence, which no other session gets.";
constexpr std::string_view kCurrent =
    "The last number of a sequence that nextval() has returned in this session.";
constexpr std::string_view kSet =
    "Sets a sequence, so that it continues after a value, or with this value if `is_called` is "
    "false.";

constexpr FunctionDef kSequenceDefs[] = {
    {.name = "pg_catalog.nextval",
     .signature = "(STRING sequence) -> BIGINT",
     .doc = kNext,
     .example = "NEXTVAL(CAST(NULL AS STRING)) IS NULL",
     .kernel = nextval,
     .is_deterministic = false},
    {.name = "pg_catalog.nextval",
     .signature = "(BIGINT sequence) -> BIGINT",
     .doc = kNext,
     .example = "NEXTVAL(CAST(NULL AS BIGINT)) IS NULL",
     .kernel = nextval,
     .is_deterministic = false},
    {.name = "pg_catalog.currval",
     .signature = "(STRING sequence) -> BIGINT",
     .doc = kCurrent,
     .example = "CURRVAL(CAST(NULL AS STRING)) IS NULL",
     .kernel = currval,
     .is_deterministic = false},
    {.name = "pg_catalog.currval",
     .signature = "(BIGINT sequence) -> BIGINT",
     .doc = kCurrent,
     .example = "CURRVAL(CAST(NULL AS BIGINT)) IS NULL",
     .kernel = currval,
     .is_deterministic = false},
    {.name = "pg_catalog.lastval",
     .signature = "() -> BIGINT",
     .doc = "The last number of any sequence that nextval() has returned in this session.",
     .example = "CASE WHEN 1 = 1 THEN TRUE ELSE LASTVAL() = 1 END",
     .kernel = lastval,
     .is_deterministic = false},
    {.name = "pg_catalog.txid_current",
     .signature = "() -> BIGINT",
     .doc = "A number that identifies the current transaction.",
     .example = "CASE WHEN 1 = 1 THEN TRUE ELSE TXID_CURRENT() = 1 END",
     .kernel = txid_current,
     .is_deterministic = false},
    {.name = "pg_catalog.setval",
     .signature = "(STRING sequence, BIGINT value) -> BIGINT",
     .doc = kSet,
     .example = "SETVAL(CAST(NULL AS STRING), 1) IS NULL",
     .kernel = setval,
     .is_deterministic = false},
    {.name = "pg_catalog.setval",
     .signature = "(STRING sequence, BIGINT value, BOOLEAN is_called) -> BIGINT",
     .doc = kSet,
     .example = "SETVAL(CAST(NULL AS STRING), 1, FALSE) IS NULL",
     .kernel = setval,
     .is_deterministic = false},
    {.name = "pg_catalog.setval",
     .signature = "(BIGINT sequence, BIGINT value) -> BIGINT",
     .doc = kSet,
     .example = "SETVAL(CAST(NULL AS BIGINT), 1) IS NULL",
     .kernel = setval,
     .is_deterministic = false},
    {.name = "pg_catalog.setval",
     .signature = "(BIGINT sequence, BIGINT value, BOOLEAN is_called) -> BIGINT",
     .doc = kSet,
     .example = "SETVAL(CAST(NULL AS BIGINT), 1, FALSE) IS NULL",
     .kernel = setval,
     .is_deterministic = false},
};

}  // namespace

SequencesInUse::SequencesInUse(Sequences* sequences) : before_(std::exchange(in_use, sequences)) {}
SequencesInUse::~SequencesInUse() { in_use = before_; }

const FunctionFamily kSequenceFunctions{"SEQUENCES", kSequenceDefs};

}  // namespace engine
