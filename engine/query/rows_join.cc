#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>

#include "engine/expr/null_failures.h"
#include "engine/query/rows_steps.h"

namespace engine {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
// Approximate memory of a right row in the hash table: its entry in the chain of rows with the same
// key.
constexpr size_t kBytesOfEntry = 64;
// Least number of pairs for which the condition is evaluated together. Each evaluation has a fixed
// cost, so evaluating fewer pairs at once takes more time.
constexpr size_t kFewestPairs = 64;

// Returns whether a key of this kind is kept as a number, which is found faster than its bytes.
bool is_number(TypeKind kind) {
  using enum TypeKind;
  return kind == Integer || kind == Bigint || kind == Date || kind == Time || kind == Timestamp;
}
int64_t number_at(const Column& column, uint32_t row) {
  const TypeKind kind = column.type().kind();
  return kind == TypeKind::Bigint || kind == TypeKind::Timestamp ? column.data<int64_t>()[row]
                                                                 : column.data<int32_t>()[row];
}

// Rows of the right side, found by their key, in the order of the right side.
class Partners {
 public:
  // If `nulls_are_keys` is false, a row with a null key has no partner.
  static Result<Partners> of(const RowsChunks& chunks, const std::vector<BoundExpression>& keys,
                             bool nulls_are_keys, RowsContext& context) {
    Partners made;
    made.are_numbers_ = keys.size() == 1 && is_number(keys.front().type.kind()) && !nulls_are_keys;
    const Program program(keys);
    for (uint32_t chunk = 0; chunk < chunks.size(); ++chunk) {
      const std::vector<ColumnPtr> columns = TRY(compute(program, chunks[chunk], context));
      TRY(context.add(chunks[chunk].rows * kBytesOfEntry));
      if (made.are_numbers_) {
        made.add_numbers(*columns.front(), chunk);
        continue;
      }
      RowKeys of_chunk(columns);
      Chain* chain = nullptr;  // chain of rows with the key of the previous row
      for (uint32_t row = 0; row < chunks[chunk].rows; ++row) {
        const auto entry = static_cast<uint32_t>(made.rows_.size());
        made.rows_.push_back({chunk, row});
        made.next_.push_back(kNone);
        if (!nulls_are_keys && of_chunk.has_null(row)) continue;
        const bool is_as_before = chain != nullptr && of_chunk.repeats(row);
        if (!is_as_before) chain = made.find(of_chunk.bytes(row));
        if (chain != nullptr) {
          made.next_[chain->last] = entry;
          chain->last = entry;
        } else {
          chain = made.add(of_chunk.bytes(row), entry);
        }
      }
    }
    return made;
  }

  const std::vector<Column::SourceRow>& rows() const { return rows_; }
  uint32_t first(std::string_view key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? kNone : found->second.first;
  }
  // Returns whether the keys are found by first_of() instead of first().
  bool are_numbers() const { return are_numbers_; }
  uint32_t first_of(int64_t key) const {
    const auto found = by_number_.find(key);
    return found == by_number_.end() ? kNone : found->second.first;
  }
  uint32_t next(uint32_t entry) const { return next_[entry]; }

 private:
  struct Chain {
    uint32_t first, last;
  };
  void add_numbers(const Column& keys, uint32_t chunk) {
    for (uint32_t row = 0; row < keys.size(); ++row) {
      const auto entry = static_cast<uint32_t>(rows_.size());
      rows_.push_back({chunk, row});
      next_.push_back(kNone);
      if (keys.is_null(row)) continue;
      const auto [chain, is_new] =
          by_number_.try_emplace(number_at(keys, row), Chain{entry, entry});
      if (is_new) continue;
      next_[chain->second.last] = entry;
      chain->second.last = entry;
    }
  }
  // Returns the chain of the key, or null. The pointer is valid until the next key is added.
  Chain* find(std::string_view key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &found->second;
  }
  Chain* add(std::string_view key, uint32_t entry) {
    return &by_key_.emplace(key_bytes_.add(key), Chain{entry, entry}).first->second;
  }
  std::vector<Column::SourceRow> rows_;
  std::vector<uint32_t> next_;  // for each row: the next row with the same key
  StringHeap key_bytes_;
  absl::flat_hash_map<std::string_view, Chain> by_key_;
  bool are_numbers_ = false;
  absl::flat_hash_map<int64_t, Chain> by_number_;
};

void add_nulls(RowsChunk& chunk, const Layout& layout) {
  for (const LayoutColumn& column : layout)
    chunk.columns.push_back(constant_column(column.type, Value(), chunk.rows));
}

class Joiner {
 public:
  Joiner(const JoinRows& step, const RowsChunks& right, const Partners& partners,
         const RowsChunks& otherwise, RowsContext& context, size_t wanted)
      : step_(step),
        right_(right),
        partners_(partners),
        context_(context),
        left_keys_(step.left_keys),
        wanted_(step.type == JoinType::Inner || step.type == JoinType::Left ? wanted : SIZE_MAX) {
    for (const RowsChunk& chunk : otherwise)
      if (chunk.rows > 0) otherwise_ = &chunk;
    if (step.condition) condition_.emplace(*step.condition);
    right_matched_.resize(partners.rows().size());
  }

  Status join(const RowsChunk& left) {
    left_ = &left;
    left_matched_.assign(left.rows, false);
    const bool has_keys = !step_.left_keys.empty();
    const std::vector<ColumnPtr> columns = TRY(compute(left_keys_, left, context_));
    if (partners_.are_numbers()) TRY(add_by_number(*columns.front()));
    std::optional<RowKeys> keys;
    if (has_keys && !partners_.are_numbers()) keys.emplace(columns);
    const auto all = static_cast<uint32_t>(partners_.rows().size());
    for (uint32_t row = 0; row < left.rows && !has_enough(); ++row) {
      if (!has_keys) {
        for (uint32_t entry = 0; entry < all && !has_enough(); ++entry) TRY(add(row, entry));
      } else if (keys && (step_.outer || !keys->has_null(row))) {
        TRY(add_chain(row, partners_.first(keys->bytes(row))));
      }
    }
    TRY(flush());
    // If the join has ended early, because enough rows were found, some left rows were not compared with all right
    // rows. These left rows may have partners, so they must not be returned with nulls.
    if (has_enough()) return {};
    return keeps_left() ? add_lonely_left() : Status{};
  }
  // Returns whether the output has as many rows as are wanted.
  bool has_enough() const { return rows_ >= wanted_; }

  Result<RowsChunks> finish() {
    if (step_.type == JoinType::Right || step_.type == JoinType::Full) TRY(add_lonely_right());
    return std::move(out_);
  }

 private:
  bool keeps_left() const {
    return step_.type == JoinType::Left || step_.type == JoinType::Full || otherwise_;
  }
  // Returns the number of right columns in the output. The key columns of a LATERAL right side are
  // not part of the output.
  size_t given_columns() const {
    return step_.right->layout.size() - (step_.outer ? step_.right_keys.size() : 0);
  }

  Status add_by_number(const Column& keys) {
    for (uint32_t row = 0; row < keys.size() && !has_enough(); ++row) {
      if (!keys.is_null(row)) TRY(add_chain(row, partners_.first_of(number_at(keys, row))));
    }
    return {};
  }
  // Adds the pairs of the left row with the partners from this entry on.
  Status add_chain(uint32_t left_row, uint32_t entry) {
    for (; entry != kNone && !has_enough(); entry = partners_.next(entry))
      TRY(add(left_row, entry));
    return {};
  }

  Status add(uint32_t left_row, uint32_t entry) {
    left_rows_.push_back(left_row);
    entries_.push_back(entry);
    return left_rows_.size() < most_pairs_ ? Status{} : flush();
  }

  RowsChunk rights(std::span<const uint32_t> entries) const {
    std::vector<Column::SourceRow> rows;
    rows.reserve(entries.size());
    for (const uint32_t entry : entries) rows.push_back(partners_.rows()[entry]);
    return merge(right_, rows);
  }

  Status flush() {
    if (left_rows_.empty()) return {};
    most_pairs_ = std::min(kRowsOfChunk, 2 * most_pairs_);
    TRY(context_.begin());
    RowsChunk pairs{left_rows_.size(), {}};
    for (const ColumnPtr& column : left_->columns)
      pairs.columns.push_back(std::make_shared<const Column>(column->gather(left_rows_)));
    RowsChunk others = rights(entries_);
    others.columns.resize(std::min(others.columns.size(), given_columns()));
    pairs.columns.insert(pairs.columns.end(), others.columns.begin(), others.columns.end());
    std::vector<uint32_t> chosen(pairs.rows);
    std::iota(chosen.begin(), chosen.end(), 0u);
    if (condition_) {
      RowErrors errors(pairs.rows);
      chosen = condition_->select(pairs.columns, pairs.rows, context_.eval(), errors);
      TRY(refuse_failures(errors));
    }
    TRY(context_.end());
    for (const uint32_t i : chosen)
      left_matched_[left_rows_[i]] = right_matched_[entries_[i]] = true;
    left_rows_.clear();
    entries_.clear();
    if (chosen.empty()) return {};
    rows_ += chosen.size();
    return context_.add(out_, chosen.size() == pairs.rows ? std::move(pairs) : pick(pairs, chosen));
  }

  Status add_lonely_left() {
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < left_->rows; ++row)
      if (!left_matched_[row]) rows.push_back(row);
    if (rows.empty()) return {};
    rows_ += rows.size();
    RowsChunk lonely = pick(*left_, rows);
    if (otherwise_) {
      const std::vector<uint32_t> same(rows.size(), 0);
      for (size_t i = 0; i < given_columns(); ++i)
        lonely.columns.push_back(
            std::make_shared<const Column>(otherwise_->columns[i]->gather(same)));
    } else {
      const auto& layout = step_.right->layout;
      add_nulls(lonely, {layout.begin(), layout.begin() + static_cast<ptrdiff_t>(given_columns())});
    }
    return context_.add(out_, std::move(lonely));
  }

  Status add_lonely_right() {
    std::vector<uint32_t> entries;
    const auto add = [&]() -> Status {
      if (entries.empty()) return {};
      RowsChunk lonely{entries.size(), {}};
      add_nulls(lonely, step_.left->layout);
      RowsChunk others = rights(entries);
      lonely.columns.insert(lonely.columns.end(), others.columns.begin(), others.columns.end());
      entries.clear();
      return context_.add(out_, std::move(lonely));
    };
    for (uint32_t entry = 0; entry < right_matched_.size(); ++entry) {
      if (right_matched_[entry]) continue;
      entries.push_back(entry);
      if (entries.size() == kRowsOfChunk) TRY(add());
    }
    return add();
  }

  const JoinRows& step_;
  const RowsChunks& right_;
  const Partners& partners_;
  RowsContext& context_;
  const Program left_keys_;
  const size_t wanted_;
  // Limit for the number of pairs for which the condition is evaluated together. It is small at
  // first: for a product with LIMIT 1, a whole chunk of pairs would otherwise be computed for one
  // row.
  size_t most_pairs_ = std::clamp(wanted_, kFewestPairs, kRowsOfChunk);
  size_t rows_ = 0;                       // number of rows of the output
  const RowsChunk* otherwise_ = nullptr;  // one row, for left rows without a partner
  std::optional<Program> condition_;
  const RowsChunk* left_ = nullptr;
  std::vector<bool> left_matched_, right_matched_;
  std::vector<uint32_t> left_rows_, entries_;  // pairs whose condition is not evaluated yet
  RowsChunks out_;
};

Result<RowsChunks> join(const JoinRows& step, const RowsChunks& left, const RowsChunks& right,
                        RowsContext& context, const RowsChunks& otherwise, size_t wanted) {
  const Partners partners =
      TRY(Partners::of(right, step.right_keys, step.outer.has_value(), context));
  Joiner joiner(step, right, partners, otherwise, context, wanted);
  for (const RowsChunk& chunk : left) {
    if (joiner.has_enough()) break;
    TRY(joiner.join(chunk));
  }
  return joiner.finish();
}

size_t rows_of(const RowsChunks& chunks) {
  size_t rows = 0;
  for (const RowsChunk& chunk : chunks) rows += chunk.rows;
  return rows;
}

// Returns whether the two sides should be exchanged. The right side is put into a hash table, which
// takes more time and memory than reading the left side, so the right side should be the smaller
// one.
bool is_better_turned(const JoinRows& step, const RowsChunks& left, const RowsChunks& right) {
  if (step.type != JoinType::Inner || step.outer || step.left_keys.empty()) return false;
  const size_t rows = rows_of(right);
  return rows > kRowsOfChunk && rows / 2 > rows_of(left);
}

Result<RowsChunks> join_turned(const JoinRows& step, const RowsChunks& left,
                               const RowsChunks& right, RowsContext& context, size_t wanted) {
  const size_t lefts = step.left->layout.size(), rights = step.right->layout.size();
  JoinRows turned{JoinType::Inner, step.right,     step.left,
                  step.right_keys, step.left_keys, step.condition};
  std::vector<uint32_t> places;
  for (size_t i = 0; i < lefts; ++i) places.push_back(static_cast<uint32_t>(rights + i));
  for (size_t i = 0; i < rights; ++i) places.push_back(static_cast<uint32_t>(i));
  if (turned.condition) remap_columns(*turned.condition, places);
  RowsChunks out = TRY(join(turned, right, left, context, {}, wanted));
  for (RowsChunk& chunk : out)
    std::ranges::rotate(chunk.columns, chunk.columns.begin() + static_cast<ptrdiff_t>(rights));
  return out;
}

}  // namespace

Result<RowsChunks> join_rows(const JoinRows& step, const RowsChunks& left, const RowsChunks& right,
                             RowsContext& context, const RowsChunks& otherwise, size_t wanted) {
  const bool has_pairs = rows_of(left) > 0 && rows_of(right) > 0;
  if (step.type == JoinType::Inner && !has_pairs && !step.otherwise) return RowsChunks();
  return is_better_turned(step, left, right) ? join_turned(step, left, right, context, wanted)
                                             : join(step, left, right, context, otherwise, wanted);
}

}  // namespace engine
