#include <algorithm>

#include "engine/formats/format.h"

namespace engine {

void RowStatus::clear() {
  states.clear();
  problems.clear();
  errors = 0;
  unavailable.reset();
}

void RowStatus::fail(size_t row, std::string message) {
  states[row] = RowState::Error;
  ++errors;
  if (problems.size() < kMaxProblems)
    problems.push_back({row, std::move(message)});
  else
    problems.back() = {row, std::move(message)};
}

void EncodedRows::clear() {
  bytes.clear();
  ends.clear();
  present.resize(0, false);
  problems.clear();
}

void EncodedRows::close(size_t end, bool is_present) {
  ends.push_back(end);
  present.push_back(is_present);
}

bool has_payload(std::span<const Column* const> columns, size_t row, const Bitmap* present,
                 bool wrapped, Side side) {
  if (present != nullptr && !present->test(row)) return false;
  if (!wrapped) return !columns[0]->is_null(row);
  if (side == Side::Value || present != nullptr) return true;
  return std::ranges::any_of(columns, [&](const Column* column) { return !column->is_null(row); });
}

}  // namespace engine
