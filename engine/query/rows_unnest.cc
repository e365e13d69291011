// Runs set-returning functions. Each input row is repeated for each element of its arrays.
#include <algorithm>
#include <utility>

#include "engine/query/rows_steps.h"

namespace engine {

namespace {

// The elements of one array column, by output row.
struct Unnested {
  const Column* arrays;
  std::shared_ptr<Column> elements;
};

size_t length_at(const Column& arrays, size_t row) {
  return arrays.is_null(row) ? 0 : arrays.offsets()[row + 1] - arrays.offsets()[row];
}

}  // namespace

Result<RowsChunks> unnest_rows(const UnnestRows& step, const Layout& layout,
                               const RowsChunks& input, RowsContext& context) {
  const Program program(step.arrays);
  RowsChunks out;
  for (const RowsChunk& chunk : input) {
    const std::vector<ColumnPtr> arrays = TRY(compute(program, chunk, context));
    std::vector<uint32_t> rows;
    std::vector<Unnested> unnested;
    for (size_t i = 0; i < arrays.size(); ++i)
      unnested.push_back({arrays[i].get(), std::make_shared<Column>(
                                               layout[layout.size() - arrays.size() + i].type)});
    const auto flush = [&]() -> Status {
      RowsChunk made = pick(chunk, rows);
      made.rows = rows.size();
      for (Unnested& each : unnested)
        made.columns.push_back(
            std::exchange(each.elements, std::make_shared<Column>(each.elements->type())));
      rows.clear();
      TRY(context.begin());
      return context.add(out, std::move(made));
    };
    for (uint32_t row = 0; row < chunk.rows; ++row) {
      size_t longest = 0;
      for (const Unnested& each : unnested)
        longest = std::max(longest, length_at(*each.arrays, row));
      if (step.keeps_all) longest = std::max<size_t>(longest, 1);
      for (size_t i = 0; i < longest; ++i) {
        rows.push_back(row);
        for (Unnested& each : unnested) {
          const bool is_there = i < length_at(*each.arrays, row);
          each.elements->append_value(
              is_there ? each.arrays->child(0).value_at(each.arrays->offsets()[row] + i) : Value());
        }
        if (rows.size() == kRowsOfChunk) TRY(flush());
      }
    }
    if (!rows.empty()) TRY(flush());
  }
  return out;
}

}  // namespace engine
