#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <compare>
#include <concepts>
#include <cstring>

#include "engine/functions/ordering.h"
#include "engine/query/rows_steps.h"
#include "engine/query/top_rows.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Returns whether values are ordered differently from the texts that store them, as enumerations and intervals are.
bool is_ordered_otherwise(const SqlType& type) {
  return type.label() != label::kNone && has_comparable_form(type);
}

// The beginning of a row's sort keys, encoded as bytes whose order is that of the rows. It decides most comparisons.
// If the bytes are equal for two rows, the keys themselves are compared.
//
//   a text, ascending          01 | its bytes | 00    a null: 00, or ff for NULLS LAST; 01 precedes a value
//   an INTEGER, descending     01 | its bytes, inverted
class SortHead {
 public:
  using Words = std::array<uint64_t, 2>;

  // Adds the value of a key. Returns false if no further key may be added, because this key is too long or has a type
  // that is not encoded here.
  bool add(const Column& column, size_t row, const SortKey& key) {
    if (column.is_null(row)) return put(key.nulls_first ? kNullFirst : kNullLast);
    put(kValue);
    inverts_ = key.is_descending;
    const bool is_whole = add_value(column, row);
    inverts_ = false;
    return is_whole;
  }
  Words words() const {
    Words words{};
    for (size_t i = 0; i < kBytes; ++i) words[i / 8] = words[i / 8] << 8 | bytes_[i];
    return words;
  }

 private:
  static constexpr size_t kBytes = sizeof(Words);
  static constexpr uint8_t kNullFirst = 0, kValue = 1, kNullLast = 0xff;

  bool put(uint8_t byte) {
    if (size_ == kBytes) return false;
    bytes_[size_++] = inverts_ ? static_cast<uint8_t>(~byte) : byte;
    return true;
  }
  template <std::unsigned_integral T>
  bool put_number(T number) {
    for (size_t i = sizeof(T); i-- > 0;)
      if (!put(static_cast<uint8_t>(number >> (8 * i)))) return false;
    return true;
  }
  bool put_double(double number) {
    if (std::isnan(number)) return put_number(UINT64_MAX);
    const auto bits = std::bit_cast<uint64_t>(number + 0.0);  // adding 0.0 turns -0.0 into 0.0
    constexpr uint64_t kSign = uint64_t{1} << 63;
    return put_number(bits & kSign ? ~bits : bits | kSign);
  }
  // Adds a text. Texts are ordered as in UTF-16, where characters above U+FFFF precede U+E000. Each byte is
  // incremented, because 0 marks the end.
  bool put_text(std::string_view text) {
    for (const char c : text) {
      auto byte = static_cast<uint8_t>(c);
      if (byte >= 0xf0)
        byte -= 2;
      else if (byte >= 0xee)
        byte += 5;
      if (!put(static_cast<uint8_t>(byte + 1))) return false;
    }
    return put(0);
  }
  // Most decimals fit into 64 bits. A byte before the number shows whether it fits, or is smaller or larger than
  // all numbers that fit.
  bool put_decimal(Int128 number) {
    constexpr uint64_t kSign = uint64_t{1} << 63;
    const auto low = static_cast<int64_t>(number), high = static_cast<int64_t>(number >> 64);
    const bool is_short = number == low;
    const uint8_t size = is_short ? 1 : number < 0 ? 0 : 2;
    return put(size) && put_number(static_cast<uint64_t>(is_short ? low : high) ^ kSign) &&
           is_short;
  }
  bool add_value(const Column& column, size_t row) {
    switch (column.type().kind()) {
      case TypeKind::Boolean:
        return put(column.data<uint8_t>()[row]);
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        return put_number(static_cast<uint32_t>(column.data<int32_t>()[row]) ^ (uint32_t{1} << 31));
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return put_number(static_cast<uint64_t>(column.data<int64_t>()[row]) ^ (uint64_t{1} << 63));
      case TypeKind::Double:
        return put_double(column.data<double>()[row]);
      case TypeKind::Decimal:
        return put_decimal(column.data<Int128>()[row]);
      case TypeKind::String:
        if (is_ordered_otherwise(column.type())) return false;
        return put_text(column.data<std::string_view>()[row]);
      default:
        return false;
    }
  }

  std::array<uint8_t, kBytes> bytes_{};
  size_t size_ = 0;
  bool inverts_ = false;
};

bool is_one_text(const Column& a, size_t a_row, const Column& b, size_t b_row) {
  using Text = std::string_view;
  return a.type().kind() == TypeKind::String &&
         is_same_place(a.data<Text>()[a_row], b.data<Text>()[b_row]);
}

struct SortedRow {
  SortHead::Words head;
  Column::SourceRow row;
};

}  // namespace

RowsComparison::RowsComparison(const RowsChunks& chunks, size_t first_column,
                               std::span<const RowsOrder> keys)
    : chunks_(chunks) {
  for (const RowsOrder& key : keys) add_key(first_column++, key.is_descending, key.nulls_first);
}

int RowsComparison::compare(Column::SourceRow a, Column::SourceRow b, size_t keys) const {
  for (size_t i = 0; i < keys; ++i) {
    const SortKey& key = keys_[i];
    const Column& left = *chunks_[a.source].columns[key.column];
    const Column& right = *chunks_[b.source].columns[key.column];
    const bool left_null = left.is_null(a.row), right_null = right.is_null(b.row);
    if (left_null || right_null) {
      if (left_null && right_null) continue;
      return left_null == key.nulls_first ? -1 : 1;
    }
    if (is_one_text(left, a.row, right, b.row)) continue;
    const auto order = compare_as_postgres(left, a.row, right, b.row);
    if (order == 0) continue;
    return (order < 0) != key.is_descending ? -1 : 1;
  }
  return 0;
}

Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context) {
  size_t rows = 0;
  for (const RowsChunk& chunk : input) rows += chunk.rows;
  const size_t order_bytes = rows * sizeof(SortedRow);
  TRY(context.add(order_bytes));
  TRY(context.begin());
  std::vector<SortedRow> order;
  order.reserve(rows);
  for (uint32_t chunk = 0; chunk < input.size(); ++chunk)
    for (uint32_t row = 0; row < input[chunk].rows; ++row) {
      SortHead head;
      for (const SortKey& key : step.keys)
        if (!head.add(*input[chunk].columns[key.column], row, key)) break;
      order.push_back({head.words(), {chunk, row}});
    }
  TRY(context.begin());
  RowsComparison keys(input, 0, {});
  for (const SortKey& key : step.keys) keys.add_key(key.column, key.is_descending, key.nulls_first);
  const auto is_less = [&](const SortedRow& a, const SortedRow& b) {
    if (a.head != b.head) return a.head < b.head;
    const int by_keys = keys.compare(a.row, b.row);
    if (by_keys != 0) return by_keys < 0;
    return a.row.source != b.row.source ? a.row.source < b.row.source : a.row.row < b.row.row;
  };
  const size_t most = std::min(order.size(), step.most.value_or(SIZE_MAX));
  if (most < order.size()) {
    std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(most), is_less);
    order.resize(most);
  } else {
    std::ranges::sort(order, is_less);
  }
  RowsChunks out;
  std::vector<Column::SourceRow> taken;
  for (size_t first = 0; first < order.size(); first += kRowsOfChunk) {
    TRY(context.begin());
    const size_t count = std::min(kRowsOfChunk, order.size() - first);
    taken.clear();
    for (const SortedRow& each : std::span(order).subspan(first, count)) taken.push_back(each.row);
    TRY(context.add(out, merge(input, taken)));
  }
  context.remove(order_bytes);
  return out;
}

namespace {

// Returns whether the expression has a value for each row. An expression that can fail must be computed for the same rows
// at each run, or the statement would fail only at some runs.
bool never_fails(const BoundExpression& expression) {
  return as_column(expression) || expression.kind == BoundKind::Literal;
}

}  // namespace

std::optional<TopRows> top_rows_of(const SelectRowsPlan& plan) {
  const auto* const cut = std::get_if<CutRows>(&plan.root->step);
  if (!cut || cut->keys > 0 || plan.tables.size() != 1 || plan.streams.front()) return std::nullopt;
  const auto* const sort = std::get_if<SortRows>(&cut->input->step);
  if (!sort || !sort->most || *sort->most == 0 || *sort->most > TopRows::kMost) return std::nullopt;
  const auto* const computed = std::get_if<ComputeColumns>(&sort->input->step);
  if (!computed || !std::holds_alternative<ReadRows>(computed->input->step)) return std::nullopt;
  const PullPlan& table = *plan.tables.front();
  if (!std::ranges::all_of(computed->columns, never_fails) ||
      !std::ranges::all_of(table.columns, never_fails))
    return std::nullopt;
  TopRows top{{}, *sort->most};
  for (const SortKey& key : sort->keys) {
    const auto column = as_column(computed->columns[key.column]);
    const auto of_table = column ? as_column(table.columns[*column]) : std::nullopt;
    if (!of_table) return std::nullopt;
    // Values of other types have no SortHead, so top_rows_of() could not leave out any row.
    const SqlType& type = table.columns[*column].type;
    if (type.is_nested() || type.kind() == TypeKind::Bytes || is_ordered_otherwise(type))
      return std::nullopt;
    top.keys.push_back({*of_table, key.is_descending, key.nulls_first});
  }
  return top.keys.empty() ? std::nullopt : std::optional(std::move(top));
}

void TopCandidates::keep(const std::vector<ColumnPtr>& columns, std::vector<uint32_t>& rows) {
  std::erase_if(rows, [&](uint32_t row) {
    SortHead head;
    for (const SortKey& key : top_.keys)
      if (!head.add(*columns[key.column], row, key)) break;
    const Place place = head.words();
    if (first_.size() == top_.count) {
      if (place > first_.front()) return true;
      if (place == first_.front()) return false;
      std::ranges::pop_heap(first_);
      first_.pop_back();
    }
    first_.push_back(place);
    std::ranges::push_heap(first_);
    return false;
  });
}

}  // namespace engine
